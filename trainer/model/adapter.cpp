#include "trainer/model/adapter.h"

#include <ATen/Parallel.h>

#include <vector>

#include "base/random.h"
#include "trainer/model/device_ops.h"
#include "trainer/model/floating.h"

namespace anneal {

namespace {

/// x with dropped elements zero and the rest divided by 1 - rate.
at::Tensor dropped(const at::Tensor& x_NI, const AdapterDropout& dropout, std::uint64_t salt) {
  if (dropout.rate <= 0) return x_NI;
  if (!runs_in_kernels(x_NI)) {
    std::vector<std::int64_t> keys(static_cast<std::size_t>(x_NI.size(0)));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto row = static_cast<std::int64_t>(i);
      keys[i] = static_cast<std::int64_t>(derive_key({dropout.key, salt, dropout.samples[row / dropout.length],
                                                      static_cast<std::uint64_t>(row % dropout.length)}));
    }
    return device::dropped(x_NI, dropout.rate, on_device(keys, x_NI.device()));
  }
  at::Tensor y_NI = at::empty_like(x_NI);
  const std::int64_t n = x_NI.size(0), width = x_NI.size(1);
  const auto threshold =
      static_cast<std::uint32_t>(dropout.rate * static_cast<double>(1ull << 32));
  for_floating(x_NI.scalar_type(), [&](auto zero) {
    using scalar_t = decltype(zero);
    const auto* x = x_NI.const_data_ptr<scalar_t>();
    auto* y = y_NI.data_ptr<scalar_t>();
    const auto keep = static_cast<scalar_t>(1.0 / (1.0 - dropout.rate));
    at::parallel_for(0, n, 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::uint64_t key =
            derive_key({dropout.key, salt, dropout.samples[i / dropout.length],
                        static_cast<std::uint64_t>(i % dropout.length)});
        for (std::int64_t j = 0; j < width; ++j) {
          const bool lost = static_cast<std::uint32_t>(mix64(key + j)) < threshold;
          y[i * width + j] = lost ? scalar_t(0) : x[i * width + j] * keep;
        }
      }
    });
  });
  return y_NI;
}

}  // namespace

void adapter_inner(const at::Tensor& x_NI, const AdapterPair& weights, const AdapterDropout& dropout,
                   std::uint64_t salt, AdapterSaved& saved) {
  saved.low_NR = at::mm(dropped(x_NI, dropout, salt), weights.a_RI.t());
}

void adapter_forward(const at::Tensor& x_NI, const AdapterPair& weights, double scale,
                     const AdapterDropout& dropout, std::uint64_t salt, at::Tensor out_NO,
                     AdapterSaved& saved) {
  adapter_inner(x_NI, weights, dropout, salt, saved);
  out_NO.addmm_(saved.low_NR, weights.b_OR.t(), /*beta=*/1, /*alpha=*/scale);
}

void adapter_backward(const at::Tensor& dout_NO, const at::Tensor& x_NI, const AdapterPair& weights,
                      double scale, const AdapterDropout& dropout, std::uint64_t salt,
                      const AdapterSaved& saved, at::Tensor& dx_NI, AdapterPair& gradients) {
  assign_product(gradients.b_OR, dout_NO.t(), saved.low_NR, scale);
  const at::Tensor dlow_NR = at::mm(dout_NO, weights.b_OR).mul_(scale);
  const at::Tensor x_dropped = dropped(x_NI, dropout, salt);
  assign_product(gradients.a_RI, dlow_NR.t(), x_dropped);
  if (dropout.rate <= 0) {
    dx_NI.addmm_(dlow_NR, weights.a_RI);
    return;
  }
  // The mask again, applied to the derivative instead of the input.
  dx_NI.add_(dropped(at::mm(dlow_NR, weights.a_RI), dropout, salt));
}

}  // namespace anneal
