// The number types that ranks exchange, and bfloat16 as plain integers (no torch): the upper half
// of an fp32, rounded to nearest, ties to even.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace anneal {

enum class NumberType { kFp32, kBf16 };

/// Bytes of one number.
constexpr std::size_t bytes_of(NumberType type) { return type == NumberType::kFp32 ? 4 : 2; }

/// The fp32 with the same value.
inline float from_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

/// to[i] = or += from[i], where `from` holds numbers of the type.
template <bool kAdd>
void take(NumberType type, const void* from, float* to, std::size_t count) {
  if (type == NumberType::kFp32) {
    const auto* x = static_cast<const float*>(from);
#pragma omp simd
    for (std::size_t i = 0; i < count; ++i) to[i] = kAdd ? to[i] + x[i] : x[i];
  } else {
    const auto* x = static_cast<const std::uint16_t*>(from);
#pragma omp simd
    for (std::size_t i = 0; i < count; ++i)
      to[i] = kAdd ? to[i] + from_bf16(x[i]) : from_bf16(x[i]);
  }
}

}  // namespace anneal
