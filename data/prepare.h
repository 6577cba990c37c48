// Sources to token shards: read, tokenize, keep a held-out part, mix by token share, write.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/log.h"
#include "data/token_manifest.h"
#include "data/tokenizer.h"
#include "recipes/schema.h"

namespace anneal {

struct PrepareReport {
  bool reused = false;       ///< the folder already held exactly this
  double seconds = 0;
  std::int64_t text_bytes = 0;  ///< read and tokenized (0 if reused)
  TokenManifest manifest;
};

/// The tokenizer of a recipe: `tokenizer.path`, or else the one in `model.from`. Throws UsageError if
/// there is neither, DataError if it cannot be read.
Tokenizer recipe_tokenizer(const Recipe& recipe);

/// Fills `folder` with shards, manifest.json and the tokenizer; does nothing if it already holds
/// what these sources, options, seed and tokenizer give. `threads` 0: one a core. The result does not
/// depend on the number of threads. An interrupted call leaves nothing that is taken for whole.
/// Throws UsageError (options) and DataError (sources, disk).
PrepareReport prepare(const Recipe& recipe, const Tokenizer& tokenizer, const std::filesystem::path& folder,
                      const Log& log, int threads = 0);

/// The same with recipe_tokenizer(recipe).
PrepareReport prepare(const Recipe& recipe, const std::filesystem::path& folder, const Log& log, int threads = 0);

/// Where the recipe's shards lie: `data.shards`, or <run.dir>/shards.
std::filesystem::path shard_folder(const Recipe& recipe);

/// One line a source: documents, tokens, share wanted and written, passes, held-out tokens.
std::string describe_sources(const TokenManifest& manifest);

}  // namespace anneal
