#include "trainer/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace anneal {

TokenId sample_token(std::span<const float> logits_V, std::span<const TokenId> candidates,
                     const SamplingOptions& options, Random& random) {
  const std::size_t n = candidates.empty() ? logits_V.size() : candidates.size();
  const auto id = [&](std::size_t i) {
    return candidates.empty() ? static_cast<TokenId>(i) : candidates[i];
  };
  std::size_t best = 0;
  for (std::size_t i = 1; i < n; ++i) {
    if (logits_V[id(i)] > logits_V[id(best)]) best = i;
  }
  if (options.temperature <= 0 || n == 1) return id(best);

  const double top = logits_V[id(best)];
  std::vector<double> weight(n);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    weight[i] = std::exp((logits_V[id(i)] - top) / options.temperature);
    sum += weight[i];
  }
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::size_t kept = n;
  if (options.top_p < 1) {
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return weight[a] != weight[b] ? weight[a] > weight[b] : a < b;
    });
    double reached = 0;
    for (kept = 0; kept < n && (kept == 0 || reached < options.top_p * sum); ++kept) {
      reached += weight[order[kept]];
    }
    sum = reached;
    // The draw goes by id, not by rank: a rounding that swaps two of nearly equal weight (products of
    // another batch size round differently) then changes no sample.
    std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept));
  }
  double point = random.uniform() * sum;
  for (std::size_t i = 0; i < kept; ++i) {
    point -= weight[order[i]];
    if (point < 0) return id(order[i]);
  }
  return id(order[kept - 1]);  // rounding left a crumb
}

}  // namespace anneal
