#include "data/bpe_merges.h"

#include <algorithm>
#include <bit>
#include <queue>
#include <tuple>

namespace anneal {

namespace {

constexpr std::uint64_t kEmpty = ~0ull;
constexpr std::uint32_t kNone = ~0u;
constexpr std::size_t kFew = 48;  // up to here a scan beats a heap

std::uint64_t key_of(TokenId left, TokenId right) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
         static_cast<std::uint32_t>(right);
}
std::uint64_t spread(std::uint64_t key) { return (key ^ key >> 32) * 0x9E3779B97F4A7C15ull; }

}  // namespace

BpeMerges::BpeMerges(std::span<const BpeMerge> merges) {
  const std::size_t size = std::bit_ceil(std::max<std::size_t>(2 * merges.size(), 2));
  slots_.assign(size, {kEmpty, {kNone, -1}});
  shift_ = 64 - std::countr_zero(size);
  for (const auto& merge : merges) {
    const std::uint64_t key = key_of(merge.left, merge.right);
    std::size_t at = spread(key) >> shift_;
    while (slots_[at].key != kEmpty && slots_[at].key != key) at = (at + 1) & (size - 1);
    slots_[at] = {key, {merge.rank, merge.result}};
  }
}

BpeMerges::Target BpeMerges::find(TokenId left, TokenId right) const {
  const std::uint64_t key = key_of(left, right);
  std::size_t at = spread(key) >> shift_;
  while (slots_[at].key != key) {
    if (slots_[at].key == kEmpty) return {kNone, -1};
    at = (at + 1) & (slots_.size() - 1);
  }
  return slots_[at].target;
}

void BpeMerges::apply(std::vector<TokenId>& tokens) const {
  if (tokens.size() < 2 || slots_.empty()) return;
  if (tokens.size() <= kFew)
    apply_to_few(tokens);
  else
    apply_to_many(tokens);
}

void BpeMerges::apply_to_few(std::vector<TokenId>& tokens) const {
  Target next[kFew];  // of each token with the one after it
  std::size_t size = tokens.size();
  for (std::size_t i = 0; i + 1 < size; ++i) next[i] = find(tokens[i], tokens[i + 1]);
  while (size > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < size; ++i) {
      if (next[i].rank < next[best].rank) best = i;
    }
    if (next[best].rank == kNone) break;
    tokens[best] = next[best].result;
    --size;
    for (std::size_t i = best + 1; i < size; ++i) tokens[i] = tokens[i + 1];
    for (std::size_t i = best + 1; i + 1 < size; ++i) next[i] = next[i + 1];
    if (best > 0) next[best - 1] = find(tokens[best - 1], tokens[best]);
    if (best + 1 < size) next[best] = find(tokens[best], tokens[best + 1]);
  }
  tokens.resize(size);
}

void BpeMerges::apply_to_many(std::vector<TokenId>& tokens) const {
  const auto size = static_cast<std::int64_t>(tokens.size());
  std::vector<std::int64_t> before(tokens.size()), after(tokens.size());
  using Candidate = std::tuple<std::uint32_t, std::int64_t, TokenId>;  // rank, place, result
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto consider = [&](std::int64_t i) {
    if (i < 0 || after[static_cast<std::size_t>(i)] >= size) return;
    const Target target =
        find(tokens[static_cast<std::size_t>(i)],
             tokens[static_cast<std::size_t>(after[static_cast<std::size_t>(i)])]);
    if (target.rank != kNone) queue.emplace(target.rank, i, target.result);
  };
  for (std::int64_t i = 0; i < size; ++i) {
    before[static_cast<std::size_t>(i)] = i - 1;
    after[static_cast<std::size_t>(i)] = i + 1;
  }
  for (std::int64_t i = 0; i + 1 < size; ++i) consider(i);
  while (!queue.empty()) {
    const auto [rank, place, result] = queue.top();
    queue.pop();
    const auto i = static_cast<std::size_t>(place);
    if (tokens[i] < 0 || after[i] >= size) continue;  // merged into its left neighbour since
    const auto j = static_cast<std::size_t>(after[i]);
    const Target now = find(tokens[i], tokens[j]);
    if (now.rank != rank || now.result != result) continue;  // one of the two has changed since
    tokens[i] = result;
    tokens[j] = -1;
    after[i] = after[j];
    if (after[i] < size) before[static_cast<std::size_t>(after[i])] = place;
    consider(place);
    consider(before[i]);
  }
  std::erase(tokens, -1);
}

}  // namespace anneal
