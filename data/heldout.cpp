#include "data/heldout.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace anneal {

HeldoutSplit split_heldout(const TokenSpool& spool, double fraction, std::int64_t max_tokens) {
  HeldoutSplit split;
  const std::size_t count = spool.size();
  std::vector<std::int64_t> kept(count, 0);  // held-out tokens of each document

  if (fraction > 0 && max_tokens > 0 && count >= 2) {
    std::vector<std::size_t> by_hash(count);
    std::iota(by_hash.begin(), by_hash.end(), std::size_t{0});
    std::stable_sort(by_hash.begin(), by_hash.end(),
                     [&](std::size_t a, std::size_t b) { return spool.hash(a) < spool.hash(b); });
    const double limit = std::ldexp(fraction, 64);
    const std::uint64_t last_hash = spool.hash(by_hash.back());
    const std::uint64_t first_hash = spool.hash(by_hash.front());
    std::int64_t room = max_tokens;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t document = by_hash[i];
      const std::uint64_t hash = spool.hash(document);
      const bool same_as_before = i > 0 && hash == spool.hash(by_hash[i - 1]);
      // equal texts go where the first of them went, even if there is no room left for them
      if (same_as_before) {
        if (kept[by_hash[i - 1]] != 0) kept[document] = -1;
        continue;
      }
      const bool lowest = hash == first_hash;
      if (hash == last_hash || (!lowest && static_cast<double>(hash) >= limit) || room <= 0) continue;
      const std::int64_t length = spool.length(document);
      if (spool.whole(document) && length > room && !lowest) continue;
      kept[document] = spool.whole(document) ? length : std::min(length, room);
      room -= kept[document];
    }
  }
  for (std::size_t document = 0; document < count; ++document) {
    const std::int64_t length = spool.length(document);
    if (kept[document] > 0) split.heldout.push_back({0, document, 0, kept[document]});
    if (kept[document] != 0) continue;
    split.train.push_back(document);
    split.train_length.push_back(length);
  }
  if (fraction > 0 && max_tokens > 0 && count == 1 && !spool.whole(0) && spool.length(0) >= 2) {
    const auto tail = std::clamp<std::int64_t>(std::llround(fraction * static_cast<double>(spool.length(0))), 1,
                                               std::min(max_tokens, spool.length(0) - 1));
    split.train_length[0] = spool.length(0) - tail;
    split.heldout.push_back({0, 0, spool.length(0) - tail, tail});
  }
  return split;
}

}  // namespace anneal
