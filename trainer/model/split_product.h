// fp32 products on a processor's bf16 tile units (Intel AMX), with the digits of fp32. A float is the
// exact sum of three bf16 numbers (8 + 8 + 8 bits of significand), x = x1 + x2 + x3, and
//   a b = a1 b1 + (a1 b2 + a2 b1) + (a1 b3 + a2 b2 + a3 b1) + less than 2^-21 |a b|:
// six products, which the unit sums in fp32 (Henry, Tang, Heinecke: Leveraging the bfloat16 Artificial
// Intelligence Datatype for Higher-Precision Computations, ARITH 2019). The five small ones are summed
// first and long inner dimensions in blocks, so that results lie nearer to the exact ones than an
// ordinary sgemm's (docs/numerics.md).
#pragma once

#include <cstdint>

#include "trainer/model/matrix_view.h"

namespace anneal {

/// True where the processor has tile units, the system lets this process use them, and the environment
/// does not say ANNEAL_TILE_UNITS=off. UsageError if it says anything but on or off.
bool has_split_product();

/// c[m, n] = a[m, k] b[k, n] + beta c on the calling thread, where a or b may be seen transposed.
/// Needs has_split_product(). Elements do not depend on how c's rows or columns are shared out over calls. Parts
/// below 1e-38 count as zero. Where a or b is not finite, neither is c.
void split_product(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView<const float> a,
                   MatrixView<const float> b, float beta, MatrixView<float> c);

/// Numbers that split_product packs for such a product, in numbers of length k: b's columns once, a's rows
/// for each part of b that fits the cache.
std::int64_t split_product_packs(std::int64_t m, std::int64_t n, std::int64_t k);

}  // namespace anneal
