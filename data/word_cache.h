// Tokens of words met before. BPE merges never cross from a word into the space that follows it (in
// models whose pieces do not), so a text may be tokenized word by word with the same result; and
// most words of a text are old acquaintances. Safe to use from several threads.
#pragma once

#include <array>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/fingerprint.h"  // for hash64
#include "data/token_batch.h"  // for TokenId

namespace anneal {

class WordCache {
 public:
  static constexpr std::size_t kMaxWordBytes = 32;

  /// Appends the word's tokens and returns true if they are known.
  bool append(std::string_view word, std::vector<TokenId>& tokens) {
    Shard& shard = shard_of(word);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.words.find(word);
    if (found == shard.words.end()) return false;
    tokens.insert(tokens.end(), found->second.begin(), found->second.end());
    return true;
  }
  void insert(std::string_view word, std::vector<TokenId> tokens) {
    Shard& shard = shard_of(word);
    const std::lock_guard lock(shard.mutex);
    // full: begin anew, so that the cache follows the text and memory stays at some 20 MB
    if (shard.words.size() >= kMaxWordsPerShard) shard.words.clear();
    shard.words.emplace(word, std::move(tokens));
  }

 private:
  static constexpr std::size_t kMaxWordsPerShard = 4096;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view word) const { return hash64(word); }
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, std::vector<TokenId>, Hash, std::equal_to<>> words;
  };
  Shard& shard_of(std::string_view word) { return shards_[hash64(word, 1) % shards_.size()]; }
  std::array<Shard, 32> shards_;
};

}  // namespace anneal
