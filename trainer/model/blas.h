// The matrix product of the BLAS library that libtorch carries, for loops in which a tensor a call
// would cost more than the product. Row-major; runs on the calling thread within a parallel region.
#pragma once

#include <cstdint>

extern "C" {
void sgemm_(const char* transa, const char* transb, const int* m, const int* n, const int* k,
            const float* alpha, const float* a, const int* lda, const float* b, const int* ldb,
            const float* beta, float* c, const int* ldc);
void dgemm_(const char* transa, const char* transb, const int* m, const int* n, const int* k,
            const double* alpha, const double* a, const int* lda, const double* b, const int* ldb,
            const double* beta, double* c, const int* ldc);
}

namespace anneal {

/// A matrix in row-major memory: `rows` apart by `stride` elements.
template <class T>
struct MatrixView {
  T* data;
  std::int64_t stride;
  bool transposed = false;
};
template <class T>
MatrixView<T> transposed(MatrixView<T> a) {
  return {a.data, a.stride, !a.transposed};
}

/// c[m, n] = a[m, k] b[k, n] + beta c, where a or b may be seen transposed.
template <class T>
void product(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView<const T> a,
             MatrixView<const T> b, T beta, MatrixView<T> c) {
  // BLAS counts by columns: c^T = b^T a^T.
  const int rows = static_cast<int>(n), columns = static_cast<int>(m), inner = static_cast<int>(k);
  const int lda = static_cast<int>(a.stride), ldb = static_cast<int>(b.stride), ldc = static_cast<int>(c.stride);
  const char *ta = a.transposed ? "T" : "N", *tb = b.transposed ? "T" : "N";
  const T one = 1;
  if constexpr (sizeof(T) == sizeof(float)) {
    sgemm_(tb, ta, &rows, &columns, &inner, &one, b.data, &ldb, a.data, &lda, &beta, c.data, &ldc);
  } else {
    dgemm_(tb, ta, &rows, &columns, &inner, &one, b.data, &ldb, a.data, &lda, &beta, c.data, &ldc);
  }
}

}  // namespace anneal
