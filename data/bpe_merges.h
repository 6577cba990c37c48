// The merges of byte-pair encoding (Sennrich, Haddow & Birch 2016): which two neighbouring tokens
// become which one, and which merge goes first.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/token_batch.h"  // for TokenId

namespace anneal {

struct BpeMerge {
  TokenId left = -1, right = -1, result = -1;
  std::uint32_t rank = 0;  ///< the lowest goes first
};

class BpeMerges {
 public:
  BpeMerges() = default;
  /// Of a pair given twice the last counts.
  explicit BpeMerges(std::span<const BpeMerge> merges);

  /// Merges neighbours until no pair has a merge: always the pair of lowest rank, the leftmost of
  /// equals.
  void apply(std::vector<TokenId>& tokens) const;

 private:
  struct Target {
    std::uint32_t rank;
    TokenId result;
  };
  struct Slot {
    std::uint64_t key;
    Target target;
  };
  Target find(TokenId left, TokenId right) const;
  void apply_to_few(std::vector<TokenId>& tokens) const;
  void apply_to_many(std::vector<TokenId>& tokens) const;
  std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
  int shift_ = 63;
};

}  // namespace anneal
