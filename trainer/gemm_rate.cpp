#include "trainer/gemm_rate.h"

#include <ATen/core/grad_mode.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>

#include "trainer/model/product.h"

namespace anneal {

double measured_gemm_rate(const Group& group) {
  at::NoGradGuard no_grad;
  constexpr std::int64_t kSize = 512;
  const at::Tensor a = at::full({kSize, kSize}, 0.5f), b = at::full({kSize, kSize}, 0.25f);
  at::Tensor c = product(a, b);
  double best_s = 1e9;
  for (int i = 0; i < 10; ++i) {
    const auto start = std::chrono::steady_clock::now();
    product_into(c, a, b);
    best_s = std::min(best_s,
                      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  double rate[1] = {2.0 * kSize * kSize * kSize / best_s};
  group.all_reduce_sum(rate, "measurement of the matrix product rate");
  return rate[0];
}

}  // namespace anneal
