// Readable descriptions of token shards, for `anneal inspect`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace anneal {

/// True if the folder has the manifest of token shards.
bool is_shard_folder(const std::filesystem::path& path);

/// Sources, shares, files and fingerprints of a shard folder. With `verify` every file is compared
/// with its fingerprint. Throws DataError.
std::string describe_shards(const std::filesystem::path& folder, bool verify = false);

/// How a batch of rows is chosen for describe_batch.
struct BatchChoice {
  std::string split = "train";
  std::int64_t sequence_length = 256;
  std::int64_t rows = 2;            ///< of a batch
  std::uint64_t seed = 1;
  bool isolate_documents = true;
};

/// Rows [number * rows, (number + 1) * rows) as text. For every document of a row: its number, the
/// columns it takes, how many of its tokens are targets; then its text with what carries no loss in
/// [[...]] and line feeds as "\n". Uses the tokenizer in the folder. Throws DataError.
std::string describe_batch(const std::filesystem::path& folder, std::uint64_t number, const BatchChoice& choice);

}  // namespace anneal
