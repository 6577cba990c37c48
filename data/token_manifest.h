// manifest.json of a shard folder: what was prepared from what. Written last, by rename: a folder
// without a whole manifest holds no shards.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/token_shard.h"

namespace anneal {

/// One source, as it was prepared.
struct SourceSummary {
  std::string name, kind;
  std::int64_t documents = 0;          ///< read
  std::int64_t tokens = 0;             ///< of them
  std::int64_t heldout_documents = 0;  ///< kept for validation
  std::int64_t heldout_tokens = 0;
  double share_wanted = 0;             ///< of the training tokens
  double share_written = 0;
  std::int64_t tokens_written = 0;
  double passes = 0;                   ///< how often its training documents were written
  std::string note;                    ///< what was left out and why
};

/// A file the shards were made from; an unchanged size and time spare reading it again.
struct InputFile {
  std::string source, path;
  std::int64_t bytes = 0, modified_ns = 0;
  std::string fingerprint;
};

struct TokenManifest {
  std::string options;  ///< fingerprint of all options, the tokenizer, the seed and the inputs
  std::string tokenizer;  ///< fingerprint
  int vocab_size = 0;
  TokenId eos_id = -1;
  std::uint64_t seed = 0;
  std::vector<SourceSummary> sources;
  std::vector<ShardFile> files;
  std::vector<InputFile> inputs;

  std::int64_t train_tokens() const;
  /// Of all that the shards contain: equal fingerprints, equal token streams.
  std::string content_fingerprint() const;
};

/// Writes <folder>/manifest.json. Throws DataError.
void save_manifest(const TokenManifest& manifest, const std::filesystem::path& folder);

/// Reads it. Throws DataError if it is missing, cut short, damaged or of another version.
TokenManifest load_manifest(const std::filesystem::path& folder);

}  // namespace anneal
