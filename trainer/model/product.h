// Matrix products, row-major. fp32 goes, in this order, to
// - the tile units of Intel's processors from Sapphire Rapids on (split_product.h), unless the product
//   is small: 1.5 times as fast as either library below;
// - oneDNN's sgemm where the machine has it (libdnnl.so): it generates its kernels for the processor
//   that runs them, and reaches 105 to 115 of the 116 GFLOP/s of a Zen 4 core where the BLAS in libtorch
//   reaches 80 to 100. On Intel's processors both are level, but for gradients of weights, which that
//   BLAS makes;
// - the BLAS in libtorch, which makes those of fp64 too.
// Measured in benchmarks/training.md.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

#include "trainer/model/matrix_view.h"

namespace anneal {

/// What makes the large fp32 products: tile units, "oneDNN" or "the BLAS of libtorch".
std::string product_library();

/// c[m, n] = a[m, k] b[k, n] + beta c, where a or b may be seen transposed. On tile units on the calling
/// thread; outside of a parallel region the libraries may use threads of their own.
void product(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView<const float> a,
             MatrixView<const float> b, float beta, MatrixView<float> c);
void product(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView<const double> a,
             MatrixView<const double> b, double beta, MatrixView<double> c);

/// c_MN = a_MK b_KN + beta c, the threads sharing c's rows or columns. a and b have rows or columns without
/// gaps between their elements (`.t()` and `.narrow()` do), c has rows. No element of the result
/// depends on the threads on tile units, nor was it seen to in oneDNN; the BLAS promises nothing.
/// bf16 and GPUs: through ATen; c may then have more digits than a and b.
void product_into(at::Tensor c_MN, const at::Tensor& a_MK, const at::Tensor& b_KN, double beta = 0);

/// The same into a new tensor.
at::Tensor product(const at::Tensor& a_MK, const at::Tensor& b_KN);

/// addend_MN + a_MK b_KN as a new tensor.
at::Tensor product_plus(const at::Tensor& addend_MN, const at::Tensor& a_MK,
                        const at::Tensor& b_KN);

}  // namespace anneal
