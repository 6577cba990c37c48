// Token shards: HDF5 files of tokenized documents, laid one after another, free of any sequence length.
//   tokens   uint16 or int32 [T]   uint16 where the vocabulary is below 65,536
//   offsets  uint64 [D + 1]        first token of each document
//   source   uint16 [D]            index of its source in the manifest
//   next     int32 [D]             the token that follows in the source document if it was cut here, or -1
//   whole    uint8 [D]             1: instruction, not to be split across rows; absent: all 0
//   loss     uint8 [T]             1: this token is a target; absent: all 1
// attributes: format "anneal-tokens", version 1, vocab_size, tokenizer (fingerprint).
// A shard is read through a memory map: opening costs nothing, whatever its size.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/token_batch.h"  // for TokenId

namespace anneal {

/// A file of a shard folder, as the manifest knows it.
struct ShardFile {
  std::string name;         ///< within the folder
  std::string split;        ///< "train", or the name of the source it is held out from
  std::int64_t bytes = 0;
  std::string fingerprint;  ///< of the file's content
  std::int64_t documents = 0;  ///< stored pieces of documents
  std::int64_t tokens = 0;
  bool has_whole = false;   ///< some document must not be split
};

/// A document, or a piece of one, on its way into a shard.
struct ShardDocument {
  std::span<const TokenId> tokens;
  std::span<const std::uint8_t> loss;  ///< empty: all tokens are targets
  std::uint16_t source = 0;
  TokenId next = kNoTarget;
  bool whole = false;
};

/// Writes the shards of one split: each under a temporary name, closed, synced and then renamed.
class TokenShardWriter {
 public:
  /// Files become <folder>/<stem>-00000.h5, ... for the split "train", <folder>/<stem>.h5 otherwise.
  TokenShardWriter(std::filesystem::path folder, std::string stem, std::string split, int vocab_size,
                   std::string tokenizer_fingerprint);
  ~TokenShardWriter();
  TokenShardWriter(const TokenShardWriter&) = delete;
  TokenShardWriter& operator=(const TokenShardWriter&) = delete;
  /// Throws DataError (disk full).
  void add(const ShardDocument& document);
  /// Writes what is left and returns all files. Throws DataError.
  std::vector<ShardFile> finish();

 private:
  void write_shard();
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
  std::filesystem::path folder_;
  std::string stem_, split_;
  int vocab_size_;
  std::string tokenizer_fingerprint_;
  std::vector<ShardFile> files_;
};

/// A shard, mapped for reading. Safe to read from several threads.
class TokenShard {
 public:
  /// Checks size, structure and vocabulary against the manifest's entry; throws DataError that names
  /// the file, what was expected and what was found.
  TokenShard(const std::filesystem::path& folder, const ShardFile& expected, int vocab_size);
  ~TokenShard();
  TokenShard(const TokenShard&) = delete;
  TokenShard& operator=(const TokenShard&) = delete;

  std::uint64_t num_documents() const { return offsets_.size() - 1; }
  std::uint64_t num_tokens() const { return offsets_.back(); }
  std::span<const std::uint64_t> offsets() const { return offsets_; }
  std::uint16_t source(std::uint64_t document) const { return source_[document]; }
  TokenId next(std::uint64_t document) const { return next_[document]; }
  bool whole(std::uint64_t document) const { return !whole_.empty() && whole_[document] != 0; }
  TokenId token(std::uint64_t index) const {
    return narrow_.empty() ? wide_[index] : static_cast<TokenId>(narrow_[index]);
  }
  bool loss(std::uint64_t index) const { return loss_.empty() || loss_[index] != 0; }

 private:
  void* map_ = nullptr;
  std::size_t map_size_ = 0;
  std::span<const std::uint16_t> narrow_;
  std::span<const std::int32_t> wide_;
  std::span<const std::uint64_t> offsets_;
  std::span<const std::uint16_t> source_;
  std::span<const std::int32_t> next_;
  std::span<const std::uint8_t> whole_, loss_;
};

/// Compares the file's content with its fingerprint. Throws DataError: file, expected, found.
void verify_shard(const std::filesystem::path& folder, const ShardFile& expected);

}  // namespace anneal
