// The order in which training reads token shards: a pure function of (seed, epoch, global index),
// free of the world size. Row g of the run is row order(epoch = g / rows)[g % rows] of the shards;
// rank r of W takes the rows of the global batch that are its own and asks for them by index.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/token_batch.h"

namespace anneal {

/// A document (or the piece of one) that lies in a row: its place in the shards.
struct RowDocument {
  std::string file;    ///< shard, within the folder
  std::uint64_t document = 0;  ///< within the file
  std::string source;
};

class TokenStream {
 public:
  /// `split`: "train", or the name of a source for what was held out from it. Training rows are
  /// shuffled once an epoch; held-out rows come in order. With `isolate_documents` false, positions
  /// run on through a row, its tokens form one document, and targets cross the borders.
  /// Throws DataError if the folder holds no whole shards or no such split, or if no instruction of
  /// the training split has a target in rows of this length.
  TokenStream(const std::filesystem::path& folder, const std::string& split, std::int64_t sequence_length,
              bool isolate_documents, std::uint64_t seed);
  /// No shards: `rows` rows an epoch of uniformly random tokens below `vocab_size`, one document a
  /// row, every position with a target. Row r is a pure function of (seed, r). For benchmarks.
  static TokenStream synthetic(std::int64_t rows, int vocab_size, std::int64_t sequence_length,
                               std::uint64_t seed);
  ~TokenStream();
  TokenStream(TokenStream&&) noexcept;
  TokenStream& operator=(TokenStream&&) noexcept;

  std::uint64_t rows_per_epoch() const;
  std::int64_t num_tokens() const;  ///< of the split
  /// Rows first_global_index, first_global_index + 1, ... Held-out rows past the end are padding
  /// (document -1, no targets). Safe to call from several threads.
  /// Throws DataError if a shard is damaged.
  TokenBatch rows(std::uint64_t first_global_index, std::int64_t count) const;
  /// The shard row behind a global index, before the shuffle.
  std::uint64_t shard_row(std::uint64_t global_index) const;

  /// The documents of the row behind a global index; none for random tokens and padding.
  std::vector<RowDocument> documents(std::uint64_t global_index) const;

  /// Of shards, split, sequence length, isolation and seed: equal ones give equal rows.
  const std::string& fingerprint() const;
  int vocab_size() const;
  const std::string& tokenizer_fingerprint() const;
  std::int64_t num_documents() const;            ///< documents and pieces of documents of the split
  std::int64_t num_truncated_documents() const;  ///< instructions longer than a row, cut at its end
  /// Instructions left out: a row ends before their answer begins, so that nothing could be learned.
  std::int64_t num_dropped_documents() const;

  /// Names of the sources from which something was held out.
  static std::vector<std::string> heldout_splits(const std::filesystem::path& folder);

 private:
  struct State;
  explicit TokenStream(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace anneal
