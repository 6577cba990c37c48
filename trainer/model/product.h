// Matrix products, row-major. fp32 goes to oneDNN's sgemm where the machine has it (libdnnl.so): it
// generates its kernels for the processor that runs them, and reaches 105 to 115 of the 116 GFLOP/s
// of a Zen 4 core where the BLAS in libtorch reaches 80 to 100 (benchmarks/training.md). On Intel's
// processors both are level, but for gradients of weights, which that BLAS makes. Otherwise, and for
// fp64, that BLAS.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

namespace anneal {

/// A matrix in row-major memory: rows are `stride` elements apart; `transposed` reads it by
/// columns.
template <class T>
struct MatrixView {
  T* data;
  std::int64_t stride;
  bool transposed = false;
};

/// What makes the fp32 products: "oneDNN" or "the BLAS of libtorch".
std::string product_library();

/// c[m, n] = a[m, k] b[k, n] + beta c on the calling thread, where a or b may be seen transposed.
void product(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView<const float> a,
             MatrixView<const float> b, float beta, MatrixView<float> c);
void product(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView<const double> a,
             MatrixView<const double> b, double beta, MatrixView<double> c);

/// c_MN = a_MK b_KN + beta c, the threads sharing c's rows. a and b have rows or columns without
/// gaps between their elements (`.t()` and `.narrow()` do), c has rows. No element of the result
/// depends on the threads. bf16 and GPUs: through ATen; c may then have more digits than a and b.
void product_into(at::Tensor c_MN, const at::Tensor& a_MK, const at::Tensor& b_KN, double beta = 0);

/// The same into a new tensor.
at::Tensor product(const at::Tensor& a_MK, const at::Tensor& b_KN);

/// addend_MN + a_MK b_KN as a new tensor.
at::Tensor product_plus(const at::Tensor& addend_MN, const at::Tensor& a_MK,
                        const at::Tensor& b_KN);

}  // namespace anneal
