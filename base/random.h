// Counter-based random numbers: every value is a pure function of a key and a counter, so any rank
// can compute any element of any stream without history. SplitMix64 finaliser (Steele et al. 2014,
// "Fast splittable pseudorandom number generators"); permutations by Fisher-Yates.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace anneal {

/// Mixes 64 bits (bijective).
constexpr std::uint64_t mix64(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

/// One key out of several parts, for example derive_key({seed, epoch, hash("order")}).
std::uint64_t derive_key(std::initializer_list<std::uint64_t> parts);

/// Key part from a name, so that streams with different purposes never coincide (FNV-1a, mixed).
std::uint64_t name_key(std::string_view name);

/// Sequential generator over a key; copyable; the state is (key, counter).
/// Satisfies UniformRandomBitGenerator.
class Random {
 public:
  using result_type = std::uint64_t;
  explicit Random(std::uint64_t key, std::uint64_t counter = 0) : key_(key), counter_(counter) {}
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~0ull; }
  result_type operator()() { return mix64(key_ ^ mix64(counter_++)); }
  /// Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }
  /// Uniform integer in [0, n), n > 0, without modulo bias (Lemire 2019).
  std::uint64_t below(std::uint64_t n);
  /// Standard normal (Box-Muller, one value a call).
  double normal();
  std::uint64_t counter() const { return counter_; }

 private:
  std::uint64_t key_;
  std::uint64_t counter_;
};

/// A permutation of 0..n-1 that depends on the key only.
std::vector<std::uint64_t> permutation(std::uint64_t n, std::uint64_t key);

}  // namespace anneal
