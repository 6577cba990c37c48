#include "trainer/sampler.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "trainer/model/exponential.h"

namespace anneal {

namespace {

/// The weight, and among equals the place, of the last that a nucleus takes.
struct Cut {
  float weight = 0;
  std::size_t at = std::numeric_limits<std::size_t>::max();
  bool takes(float w, std::size_t i) const { return w > weight || (w == weight && i <= at); }
};

/// Memory that a thread keeps from token to token.
struct Scratch {
  std::vector<float> weight;
  std::vector<double> mass;
  std::vector<std::size_t> tied;
};

/// Numbers in [0, 1] by their leading 16 bits: the larger, the higher the bucket, each 1/128 wide.
constexpr std::size_t kBuckets = (std::bit_cast<std::uint32_t>(1.0f) >> 16) + 1;
std::size_t bucket_of(float weight) {
  return std::min<std::size_t>(std::bit_cast<std::uint32_t>(weight) >> 16, kBuckets - 1);
}

/// Where the smallest set of the largest weights ends whose sum is at least `enough`: whole buckets from the
/// highest down, and only the one that it ends in is sorted.
Cut nucleus(Scratch& scratch, double enough) {
  const auto& weight = scratch.weight;
  scratch.mass.assign(kBuckets, 0.0);
  for (const float w : weight) scratch.mass[bucket_of(w)] += w;
  double reached = 0;
  std::size_t bucket = kBuckets;
  while (bucket-- > 1 && reached + scratch.mass[bucket] < enough) reached += scratch.mass[bucket];
  scratch.tied.clear();
  for (std::size_t i = 0; i < weight.size(); ++i) {
    if (bucket_of(weight[i]) == bucket) scratch.tied.push_back(i);
  }
  std::sort(scratch.tied.begin(), scratch.tied.end(), [&](std::size_t a, std::size_t b) {
    return weight[a] != weight[b] ? weight[a] > weight[b] : a < b;
  });
  for (const std::size_t i : scratch.tied) {
    reached += weight[i];
    if (reached >= enough) return {weight[i], i};
  }
  return {};  // rounding left a crumb: all
}

}  // namespace

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

  static thread_local Scratch scratch;
  auto& weight = scratch.weight;
  weight.resize(n);
  const float top = logits_V[id(best)], inverse = static_cast<float>(1 / options.temperature);
  for (std::size_t i = 0; i < n; ++i) weight[i] = (logits_V[id(i)] - top) * inverse;
  double sum = 0;
  for (float& w : weight) w = w < -80.0f ? 0.0f : exp_(w);
  for (const float w : weight) sum += w;
  Cut cut;
  if (options.top_p < 1) {
    cut = nucleus(scratch, options.top_p * sum);
    sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += cut.takes(weight[i], i) ? weight[i] : 0.0f;
  }
  // The draw goes by id, not by rank: a rounding that swaps two of nearly equal weight (products of
  // another batch size round differently) then changes no sample.
  double point = random.uniform() * sum;
  std::size_t last = best;
  for (std::size_t i = 0; i < n; ++i) {
    if (!(weight[i] > 0) || !cut.takes(weight[i], i)) continue;
    point -= weight[i];
    last = i;
    if (point < 0) break;
  }
  return id(last);  // if rounding left a crumb, the last that could be drawn
}

}  // namespace anneal
