// Matrix products against a plain sum in fp64: every way of storing the factors, sizes around the
// kernels' blocks, gaps between rows, one and several threads.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>

#include "tests/catch.h"
#include "trainer/model/product.h"

using namespace anneal;

namespace {

/// `rows` x `columns` with gaps between the rows (or columns, if transposed).
at::Tensor stored(std::int64_t rows, std::int64_t columns, bool transposed, at::ScalarType type) {
  if (transposed) return stored(columns, rows, false, type).t();
  return at::randn({rows, columns + 5}, type).narrow(1, 2, columns);
}

/// Largest error over the largest that rounding k products and sums can make.
double error(const at::Tensor& c, const at::Tensor& a, const at::Tensor& b,
             const at::Tensor& start) {
  const at::Tensor exact = start.to(at::kDouble) + a.to(at::kDouble).mm(b.to(at::kDouble));
  const at::Tensor most =
      start.to(at::kDouble).abs() + a.to(at::kDouble).abs().mm(b.to(at::kDouble).abs());
  return ((c.to(at::kDouble) - exact).abs() / most.clamp_min(1e-30)).max().item<double>();
}

}  // namespace

TEST_CASE("products of all layouts and odd sizes") {
  at::manual_seed(1);
  for (const auto type : {at::kFloat, at::kDouble}) {
    // The error of a sum of k products is below k roundings of the sum of their sizes (Higham 2002,
    // eq. 3.5).
    const double rounding = type == at::kFloat ? 6e-8 : 1.2e-16;
    for (const auto& [m, n, k] : {std::array<std::int64_t, 3>{1, 1, 1},
                                  {1, 33, 70},
                                  {129, 1, 17},
                                  {48, 8, 16},
                                  {97, 65, 191},
                                  {200, 130, 401}}) {
      for (int layout = 0; layout < 4; ++layout) {
        for (const double beta : {0.0, 1.0}) {
          const at::Tensor a = stored(m, k, layout & 1, type), b = stored(k, n, layout & 2, type);
          const at::Tensor before = stored(m, n, false, type);
          at::Tensor c = before.clone();
          if (beta == 0) c.fill_(std::nan(""));  // what was there must not count
          at::Tensor gapped = at::full({m, n + 3}, 7.0, type);
          gapped.narrow(1, 0, n).copy_(c);
          product_into(c, a, b, beta);
          product_into(gapped.narrow(1, 0, n), a, b, beta);
          INFO(m << " x " << n << " x " << k << ", layout " << layout << ", beta " << beta);
          CHECK(error(c, a, b, before * beta) < static_cast<double>(k + 2) * rounding);
          CHECK(error(gapped.narrow(1, 0, n), a, b, before * beta) <
                static_cast<double>(k + 2) * rounding);
          CHECK(gapped.narrow(1, n, 3).eq(7.0).all().item<bool>());
        }
      }
    }
  }
}

TEST_CASE("a product does not depend on the number of threads") {
  at::manual_seed(2);
  const at::Tensor a = at::randn({301, 257}), b = at::randn({190, 257});
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor one = product(a, b.t()), plus_one = product_plus(one, a, b.t());
  at::set_num_threads(3);
  const at::Tensor three = product(a, b.t()), plus_three = product_plus(three, a, b.t());
  at::set_num_threads(threads);
  CHECK(at::equal(one, three));
  CHECK(at::equal(plus_one, plus_three));
}

TEST_CASE("a product refuses factors that do not fit") {
  CHECK_THROWS(product_into(at::empty({2, 3}), at::empty({2, 4}), at::empty({5, 3})));
  CHECK_THROWS(product(at::empty({2, 8}).slice(1, 0, 8, 2), at::empty({4, 3})));
}
