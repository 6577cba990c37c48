// Tokenized documents of one source, between tokenization and the mixture: in a file without a name
// (gone when the process ends, however it ends), mapped for reading. Memory holds 20 bytes a document.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "data/token_batch.h"  // for TokenId

namespace anneal {

class TokenSpool {
 public:
  /// The file lies in `folder`. Throws DataError.
  explicit TokenSpool(const std::filesystem::path& folder);
  ~TokenSpool();
  TokenSpool(const TokenSpool&) = delete;
  TokenSpool& operator=(const TokenSpool&) = delete;

  /// `loss` as long as `tokens`; `hash` decides on the held-out split. Throws DataError (disk full).
  void add(std::span<const TokenId> tokens, std::span<const std::uint8_t> loss, std::uint64_t hash, bool whole);
  /// Ends writing, begins reading.
  void seal();

  std::size_t size() const { return hashes_.size(); }
  std::uint64_t hash(std::size_t document) const { return hashes_[document]; }
  bool whole(std::size_t document) const { return whole_[document] != 0; }
  std::int64_t length(std::size_t document) const {
    return static_cast<std::int64_t>(offsets_[document + 1] - offsets_[document]);
  }
  std::int64_t num_tokens() const { return static_cast<std::int64_t>(offsets_.back()); }
  /// Tokens [start, start + length) of a document, appended to `tokens` and `loss`.
  void read(std::size_t document, std::int64_t start, std::int64_t length, std::vector<TokenId>& tokens,
            std::vector<std::uint8_t>& loss) const;

 private:
  void flush();
  std::filesystem::path folder_;
  int file_ = -1;
  const TokenId* map_ = nullptr;
  std::vector<TokenId> buffer_;
  std::vector<std::uint64_t> offsets_ = {0}, hashes_;
  std::vector<std::uint8_t> whole_;
};

}  // namespace anneal
