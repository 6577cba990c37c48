#include "trainer/model/product.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <algorithm>
#include <type_traits>

#include "trainer/model/device_ops.h"
#include "trainer/model/floating.h"
#include "trainer/model/split_product.h"

extern "C" {
void sgemm_(const char* transa, const char* transb, const int* m, const int* n, const int* k,
            const float* alpha, const float* a, const int* lda, const float* b, const int* ldb,
            const float* beta, float* c, const int* ldc);
void dgemm_(const char* transa, const char* transb, const int* m, const int* n, const int* k,
            const double* alpha, const double* a, const int* lda, const double* b, const int* ldb,
            const double* beta, double* c, const int* ldc);
}

namespace anneal {

namespace {

/// dnnl_sgemm of oneDNN 2 and 3 (row-major; 0 is success), or null.
using OneDnnGemm = int (*)(char transa, char transb, std::int64_t m, std::int64_t n, std::int64_t k,
                           float alpha, const float* a, std::int64_t lda, const float* b,
                           std::int64_t ldb, float beta, float* c, std::int64_t ldc);

/// libtorch carries another oneDNN, does not offer its sgemm, and leaks some of its C++ symbols:
/// linked side by side, each would call into the other. The distribution's is opened so that it
/// sees its own symbols first.
OneDnnGemm load_onednn() {
#if defined(__x86_64__) && \
    !defined(__SANITIZE_ADDRESS__)  // elsewhere plain loops; sanitizers refuse DEEPBIND
  for (const char* name : {"libdnnl.so.3", "libdnnl.so.2"}) {
    if (void* library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND)) {
      return reinterpret_cast<OneDnnGemm>(::dlsym(library, "dnnl_sgemm"));
    }
  }
#endif
  return nullptr;
}

OneDnnGemm onednn() {
  static const OneDnnGemm gemm = load_onednn();
  return gemm;
}

/// Whose fp32 product is faster. On Intel's processors the BLAS of libtorch (MKL) is level with oneDNN, and
/// up to a fifth faster where a is transposed (gradients of weights); on others it has no such kernels.
bool blas_is_faster([[maybe_unused]] bool a_transposed) {
#if defined(__x86_64__)
  static const bool intel = __builtin_cpu_is("intel");
  return intel && a_transposed;
#else
  return false;
#endif
}

/// Rows or columns of c that a thread takes at least: fewer would leave the kernels half empty.
constexpr std::int64_t kFewest = 48;

template <class T, class Gemm>
void blas(Gemm gemm, std::int64_t m, std::int64_t n, std::int64_t k, MatrixView<const T> a,
          MatrixView<const T> b, T beta, MatrixView<T> c) {
  // BLAS counts by columns: c^T = b^T a^T.
  const int rows = static_cast<int>(n), columns = static_cast<int>(m), inner = static_cast<int>(k);
  const int lda = static_cast<int>(a.stride), ldb = static_cast<int>(b.stride),
            ldc = static_cast<int>(c.stride);
  const T one = 1;
  gemm(b.transposed ? "T" : "N", a.transposed ? "T" : "N", &rows, &columns, &inner, &one, b.data,
       &ldb, a.data, &lda, &beta, c.data, &ldc);
}

void sgemm(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView<const float> a,
           MatrixView<const float> b, float beta, MatrixView<float> c) {
  if (const OneDnnGemm gemm = blas_is_faster(a.transposed) ? nullptr : onednn()) {
    const int status =
        gemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n, k, /*alpha=*/1.0f, a.data,
             a.stride, b.data, b.stride, beta, c.data, c.stride);
    if (status == 0) return;
  }
  blas<float>(sgemm_, m, n, k, a, b, beta, c);
}

/// True where cutting the factors costs little beside their product, and tiles are not mostly padding.
bool fills_tiles(std::int64_t m, std::int64_t n, std::int64_t k) {
  return std::min({m, n, k}) >= 64 && m * n * k >= std::int64_t{1} << 21 && has_split_product();
}

/// What makes a product of this size; parts of one are made by the same, so that the threads do not matter.
auto product_of(std::int64_t m, std::int64_t n, std::int64_t k) { return fills_tiles(m, n, k) ? split_product : sgemm; }

/// How threads share c: some of its rows each, or of its columns.
struct Shares {
  bool columns = false;
  std::int64_t count, each;
};

Shares shares_of(std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t threads, bool tiles) {
  const auto of = [&](bool columns) {
    const std::int64_t size = columns ? n : m;
    const std::int64_t count = std::clamp<std::int64_t>(size / kFewest, 1, threads);
    return Shares{columns, count, (size + count - 1) / count};
  };
  const Shares rows = of(false), columns = of(true);
  const bool less = tiles && columns.count >= rows.count &&
                    split_product_packs(m, columns.each, k) < split_product_packs(rows.each, n, k);
  return less ? columns : rows;
}

template <class T>
MatrixView<const T> view_of(const at::Tensor& a) {
  TORCH_CHECK(a.dim() == 2 && (a.stride(1) == 1 || a.stride(0) == 1 || a.numel() == 0),
              "a matrix with rows or columns without gaps is expected, got sizes ", a.sizes(),
              ", strides ", a.strides());
  const bool by_rows = a.stride(1) == 1;
  const std::int64_t shortest = std::max<std::int64_t>(1, by_rows ? a.size(1) : a.size(0));
  // A matrix of one row (or column) may have any stride there.
  return {a.const_data_ptr<T>(), std::max(shortest, by_rows ? a.stride(0) : a.stride(1)), !by_rows};
}

}  // namespace

std::string product_library() {
  if (has_split_product()) return "three bf16 numbers each on tile units (docs/numerics.md)";
  return onednn() ? "oneDNN" : "the BLAS of libtorch";
}

void product(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView<const float> a,
             MatrixView<const float> b, float beta, MatrixView<float> c) {
  product_of(m, n, k)(m, n, k, a, b, beta, c);
}

void product(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView<const double> a,
             MatrixView<const double> b, double beta, MatrixView<double> c) {
  blas<double>(dgemm_, m, n, k, a, b, beta, c);
}

void product_into(at::Tensor c_MN, const at::Tensor& a_MK, const at::Tensor& b_KN, double beta) {
  const std::int64_t m = c_MN.size(0), n = c_MN.size(1), k = a_MK.size(1);
  TORCH_CHECK(a_MK.size(0) == m && b_KN.size(0) == k && b_KN.size(1) == n && c_MN.stride(1) == 1,
              "product of ", a_MK.sizes(), " and ", b_KN.sizes(), " into ", c_MN.sizes());
  if (!runs_in_kernels(a_MK)) {
    if (c_MN.scalar_type() == a_MK.scalar_type()) {
      c_MN.addmm_(a_MK, b_KN, beta);
    } else {  // a gradient that is kept with more digits
      const at::Tensor narrow_MN = at::mm(a_MK, b_KN);
      beta == 0 ? c_MN.copy_(narrow_MN) : c_MN.mul_(beta).add_(narrow_MN);
    }
    return;
  }
  for_floating(c_MN.scalar_type(), [&](auto zero) {
    using scalar_t = decltype(zero);
    const auto a = view_of<scalar_t>(a_MK), b = view_of<scalar_t>(b_KN);
    const MatrixView<scalar_t> c{c_MN.data_ptr<scalar_t>(), c_MN.stride(0)};
    const auto of_floats = product_of(m, n, k);
    const std::int64_t threads = at::in_parallel_region() ? 1 : at::get_num_threads();
    const Shares shares = shares_of(m, n, k, threads, of_floats == split_product);
    at::parallel_for(0, shares.count, 1, [&](std::int64_t first, std::int64_t last) {
      const std::int64_t begin = first * shares.each,
                         count = std::min(shares.columns ? n : m, last * shares.each) - begin;
      if (count <= 0) return;
      auto a_part = a, b_part = b;
      auto to = c;
      if (shares.columns) {
        b_part.data += begin * (b.transposed ? b.stride : 1);
        to.data += begin;
      } else {
        a_part.data += begin * (a.transposed ? 1 : a.stride);
        to.data += begin * c.stride;
      }
      const std::int64_t rows = shares.columns ? m : count, columns = shares.columns ? count : n;
      if constexpr (std::is_same_v<scalar_t, float>) {
        of_floats(rows, columns, k, a_part, b_part, static_cast<float>(beta), to);
      } else {
        product(rows, columns, k, a_part, b_part, beta, to);
      }
    });
  });
}

at::Tensor product(const at::Tensor& a_MK, const at::Tensor& b_KN) {
  at::Tensor c_MN = at::empty({a_MK.size(0), b_KN.size(1)}, a_MK.options());
  product_into(c_MN, a_MK, b_KN);
  return c_MN;
}

at::Tensor product_plus(const at::Tensor& addend_MN, const at::Tensor& a_MK,
                        const at::Tensor& b_KN) {
  at::Tensor c_MN = addend_MN.clone();
  product_into(c_MN, a_MK, b_KN, /*beta=*/1);
  return c_MN;
}

}  // namespace anneal
