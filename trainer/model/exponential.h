// e^x that a compiler can vectorise.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace anneal {

/// e^x for fp32, branch-free so that the compiler vectorises it; relative error below 2e-7
/// (Cephes' minimax polynomial after reduction by ln 2). fp64 takes the library's.
inline float exp_(float x) {
  x = x < -87.0f ? -87.0f : (x > 88.0f ? 88.0f : x);
  const float shifted = x * 1.44269504f + 12582912.0f;  // 1.5 * 2^23: rounds to an integer
  const float n = shifted - 12582912.0f;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const auto exponent = (std::bit_cast<std::int32_t>(shifted) + 127) << 23;
  return p * std::bit_cast<float>(exponent);
}
inline double exp_(double x) { return std::exp(x); }

}  // namespace anneal
