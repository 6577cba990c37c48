// Matrix products against a plain sum in fp64: every way of storing the factors, sizes around the
// kernels' blocks, gaps between rows, one and several threads.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>
#include <mutex>
#include <set>
#include <thread>

#include "tests/catch.h"
#include "trainer/model/product.h"
#include "trainer/model/split_product.h"

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
                                  {129, 331, 1030},  // blocks and their remainders in each direction
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

TEST_CASE("a rank's threads share the work") {
  // at::parallel_for stands in headers, and is a plain loop where they are compiled without OpenMP.
  const int threads = at::get_num_threads();
  at::set_num_threads(2);
  std::mutex mutex;
  std::set<std::thread::id> seen;
  at::parallel_for(0, 2, 1, [&](std::int64_t, std::int64_t) {
    const std::lock_guard lock(mutex);
    seen.insert(std::this_thread::get_id());
  });
  at::set_num_threads(threads);
  CHECK(seen.size() == 2);
}

TEST_CASE("a product does not depend on the number of threads") {
  at::manual_seed(2);
  const at::Tensor a = at::randn({301, 257});
  const int threads = at::get_num_threads();
  for (const std::int64_t n : {190, 1900}) {  // threads share rows; columns, on tile units
    for (const bool transposed : {false, true}) {
      INFO(n << " columns, b " << (transposed ? "transposed" : "as it is"));
      const at::Tensor b = transposed ? at::randn({n, 257}).t() : at::randn({257, n});
      at::set_num_threads(1);
      const at::Tensor one = product(a, b), plus_one = product_plus(one, a, b);
      at::set_num_threads(3);
      const at::Tensor three = product(a, b), plus_three = product_plus(three, a, b);
      at::set_num_threads(threads);
      CHECK(at::equal(one, three));
      CHECK(at::equal(plus_one, plus_three));
    }
  }
}

TEST_CASE("products on tile units have the digits of fp32, whatever the size of the numbers") {
  if (!has_split_product()) {
    WARN("skipped: no bf16 tile units in this processor, or ANNEAL_TILE_UNITS=off");
    return;
  }
  at::manual_seed(3);
  const std::int64_t m = 70, n = 90, k = 777;
  // Rows and columns of sizes from 1e-12 to 1e12: each element's terms are of one size.
  const at::Tensor rows = at::pow(10, at::rand({m, 1}, at::kDouble) * 24 - 12).to(at::kFloat);
  const at::Tensor columns = at::pow(10, at::rand({1, n}, at::kDouble) * 24 - 12).to(at::kFloat);
  const at::Tensor a = at::randn({m, k}) * rows, b = at::randn({k, n}) * columns;
  at::Tensor c = at::empty({m, n});
  split_product(m, n, k, {a.const_data_ptr<float>(), k}, {b.const_data_ptr<float>(), n}, 0, {c.data_ptr<float>(), n});
  const at::Tensor exact = a.to(at::kDouble).mm(b.to(at::kDouble));
  const at::Tensor sizes = a.to(at::kDouble).square().mm(b.to(at::kDouble).square()).sqrt();
  const at::Tensor off = (c.to(at::kDouble) - exact).abs() / sizes;
  // Rounding each of k sums of a random walk by half a unit (2^-25 on average of its size) leaves about
  // sqrt(k) / 2 of them: 8e-7 at the most here. Without the third plane the error is 7e-5, without the second too 2e-2.
  CHECK(off.max().item<double>() < 8e-7);
  CHECK(off.square().mean().sqrt().item<double>() < 2e-7);
}

TEST_CASE("a number that is not finite stays visible in products on tile units") {
  if (!has_split_product()) {
    WARN("skipped: no bf16 tile units in this processor, or ANNEAL_TILE_UNITS=off");
    return;
  }
  for (const double bad : {double(INFINITY), -double(INFINITY), std::nan("")}) {
    at::Tensor a = at::ones({64, 64}), b = at::ones({64, 64});
    a[5][7].fill_(bad);
    at::Tensor c = at::empty({64, 64});
    split_product(64, 64, 64, {a.const_data_ptr<float>(), 64}, {b.const_data_ptr<float>(), 64}, 0, {c.data_ptr<float>(), 64});
    CHECK(!c[5].isfinite().any().item<bool>());
    CHECK(c[4].eq(64).all().item<bool>());
  }
}

TEST_CASE("a product refuses factors that do not fit") {
  CHECK_THROWS(product_into(at::empty({2, 3}), at::empty({2, 4}), at::empty({5, 3})));
  CHECK_THROWS(product(at::empty({2, 8}).slice(1, 0, 8, 2), at::empty({4, 3})));
}
