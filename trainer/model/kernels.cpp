#include "trainer/model/kernels.h"
#include "trainer/model/device_ops.h"
#include "trainer/model/exponential.h"
#include "trainer/model/floating.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <vector>

namespace anneal {

namespace {

/// Tokens one thread takes at least.
constexpr std::int64_t kGrain = 16;

template <class F>
void for_tokens(std::int64_t n, F body) {
  at::parallel_for(0, n, kGrain, body);
}

}  // namespace

void rms_norm_forward(const at::Tensor& x_ND, const at::Tensor& w_D, double eps, at::Tensor& y_ND,
                      at::Tensor& rstd_N) {
  if (!runs_in_kernels(x_ND)) return device::rms_norm_forward(x_ND, w_D, eps, y_ND, rstd_N);
  const std::int64_t n = x_ND.size(0), d = x_ND.size(1);
  for_floating(x_ND.scalar_type(), [&](auto zero) {
    using scalar_t = decltype(zero);
    const auto* x = x_ND.const_data_ptr<scalar_t>();
    const auto* w = w_D.const_data_ptr<scalar_t>();
    auto* y = y_ND.data_ptr<scalar_t>();
    auto* rstd = rstd_N.data_ptr<scalar_t>();
    for_tokens(n, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const auto* xi = x + i * d;
        auto* yi = y + i * d;
        scalar_t squares = 0;
#pragma omp simd reduction(+ : squares)
        for (std::int64_t j = 0; j < d; ++j) squares += xi[j] * xi[j];
        const scalar_t r = 1 / std::sqrt(squares / d + static_cast<scalar_t>(eps));
        rstd[i] = r;
#pragma omp simd
        for (std::int64_t j = 0; j < d; ++j) yi[j] = xi[j] * r * w[j];
      }
    });
  });
}

void rms_norm_again(const at::Tensor& x_ND, const at::Tensor& w_D, const at::Tensor& rstd_N,
                    at::Tensor& y_ND) {
  if (!runs_in_kernels(x_ND)) return device::rms_norm_again(x_ND, w_D, rstd_N, y_ND);
  const std::int64_t n = x_ND.size(0), d = x_ND.size(1);
  for_floating(x_ND.scalar_type(), [&](auto zero) {
    using scalar_t = decltype(zero);
    const auto* x = x_ND.const_data_ptr<scalar_t>();
    const auto* w = w_D.const_data_ptr<scalar_t>();
    const auto* rstd = rstd_N.const_data_ptr<scalar_t>();
    auto* y = y_ND.data_ptr<scalar_t>();
    for_tokens(n, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const scalar_t r = rstd[i];
#pragma omp simd
        for (std::int64_t j = 0; j < d; ++j) y[i * d + j] = x[i * d + j] * r * w[j];
      }
    });
  });
}

void rms_norm_backward(const at::Tensor& dy_ND, const at::Tensor& x_ND, const at::Tensor& w_D,
                       const at::Tensor& rstd_N, at::Tensor& dx_ND, at::Tensor dw_D) {
  if (!runs_in_kernels(x_ND)) return device::rms_norm_backward(dy_ND, x_ND, w_D, rstd_N, dx_ND, dw_D);
  const std::int64_t n = x_ND.size(0), d = x_ND.size(1);
  for_floating(x_ND.scalar_type(), [&](auto zero) {
    using scalar_t = decltype(zero);
    const auto* x = x_ND.const_data_ptr<scalar_t>();
    const auto* w = w_D.const_data_ptr<scalar_t>();
    const auto* rstd = rstd_N.const_data_ptr<scalar_t>();
    const auto* dy = dy_ND.const_data_ptr<scalar_t>();
    auto* dx = dx_ND.data_ptr<scalar_t>();
    // dx = r w dy - x r^3 / D * sum(x w dy)
    for_tokens(n, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const auto* xi = x + i * d;
        const auto* dyi = dy + i * d;
        auto* dxi = dx + i * d;
        const scalar_t r = rstd[i];
        scalar_t dot = 0;
#pragma omp simd reduction(+ : dot)
        for (std::int64_t j = 0; j < d; ++j) dot += xi[j] * w[j] * dyi[j];
        const scalar_t back = dot * r * r * r / d;
#pragma omp simd
        for (std::int64_t j = 0; j < d; ++j) dxi[j] += r * w[j] * dyi[j] - back * xi[j];
      }
    });
    if (!dw_D.defined()) return;
    auto* dw = dw_D.data_ptr<scalar_t>();
    std::vector<scalar_t> sums(d, 0);
    // One thread, in token order: the sum does not depend on the number of threads.
    for (std::int64_t i = 0; i < n; ++i) {
      const scalar_t r = rstd[i];
      auto* s = sums.data();
#pragma omp simd
      for (std::int64_t j = 0; j < d; ++j) s[j] += dy[i * d + j] * x[i * d + j] * r;
    }
    for (std::int64_t j = 0; j < d; ++j) dw[j] = sums[j];
  });
}

void rotary_in_place(at::Tensor heads_NE, std::int64_t heads, std::int64_t head_dim,
                     const at::Tensor& positions_N, const RotaryTable& table, bool inverse) {
  if (!runs_in_kernels(heads_NE)) return device::rotary_in_place(heads_NE, heads, head_dim, positions_N, table, inverse);
  const std::int64_t n = heads_NE.size(0), stride = heads_NE.stride(0), half = head_dim / 2;
  const auto* positions = positions_N.const_data_ptr<std::int32_t>();
  for_floating(heads_NE.scalar_type(), [&](auto zero) {
    using scalar_t = decltype(zero);
    auto* data = heads_NE.data_ptr<scalar_t>();
    const auto* cosines = table.cos.const_data_ptr<scalar_t>();
    const auto* sines = table.sin.const_data_ptr<scalar_t>();
    const scalar_t sign = inverse ? -1 : 1;
    for_tokens(n, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const auto* c = cosines + positions[i] * half;
        const auto* s = sines + positions[i] * half;
        for (std::int64_t h = 0; h < heads; ++h) {
          auto* first = data + i * stride + h * head_dim;
          auto* second = first + half;
#pragma omp simd
          for (std::int64_t j = 0; j < half; ++j) {
            const scalar_t a = first[j], b = second[j];
            first[j] = a * c[j] - b * (sign * s[j]);
            second[j] = b * c[j] + a * (sign * s[j]);
          }
        }
      }
    });
  });
}

void swiglu_forward(const at::Tensor& gu_N2F, at::Tensor& act_NF) {
  if (!runs_in_kernels(gu_N2F)) return device::swiglu_forward(gu_N2F, act_NF);
  const std::int64_t n = act_NF.size(0), f = act_NF.size(1);
  for_floating(gu_N2F.scalar_type(), [&](auto zero) {
    using scalar_t = decltype(zero);
    const auto* gu = gu_N2F.const_data_ptr<scalar_t>();
    auto* act = act_NF.data_ptr<scalar_t>();
    for_tokens(n, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const auto* g = gu + i * 2 * f;
        const auto* u = g + f;
        auto* a = act + i * f;
#pragma omp simd
        for (std::int64_t j = 0; j < f; ++j) a[j] = g[j] / (1 + exp_(-g[j])) * u[j];
      }
    });
  });
}

void swiglu_backward(const at::Tensor& dact_NF, at::Tensor& gu_N2F, at::Tensor& act_NF) {
  if (!runs_in_kernels(gu_N2F)) return device::swiglu_backward(dact_NF, gu_N2F, act_NF);
  const std::int64_t n = act_NF.size(0), f = act_NF.size(1);
  for_floating(gu_N2F.scalar_type(), [&](auto zero) {
    using scalar_t = decltype(zero);
    const auto* dact = dact_NF.const_data_ptr<scalar_t>();
    auto* gu = gu_N2F.data_ptr<scalar_t>();
    auto* act = act_NF.data_ptr<scalar_t>();
    for_tokens(n, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        auto* g = gu + i * 2 * f;
        auto* u = g + f;
        auto* a = act + i * f;
        const auto* d = dact + i * f;
#pragma omp simd
        for (std::int64_t j = 0; j < f; ++j) {
          const scalar_t sigmoid = 1 / (1 + exp_(-g[j]));
          const scalar_t silu = g[j] * sigmoid;
          a[j] = silu * u[j];
          const scalar_t dgate = d[j] * u[j] * (sigmoid + silu * (1 - sigmoid));
          u[j] = d[j] * silu;
          g[j] = dgate;
        }
      }
    });
  });
}

void softmax_statistics(const at::Tensor& logits_CT, at::Tensor& top_C, at::Tensor& sum_C) {
  const std::int64_t c = logits_CT.size(0), t = logits_CT.size(1);
  for_floating(logits_CT.scalar_type(), [&](auto zero) {
    using scalar_t = decltype(zero);
    const auto* logits = logits_CT.const_data_ptr<scalar_t>();
    auto* tops = top_C.data_ptr<scalar_t>();
    auto* sums = sum_C.data_ptr<scalar_t>();
    for_tokens(c, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const auto* row = logits + i * t;
        scalar_t top = tops[i];
#pragma omp simd reduction(max : top)
        for (std::int64_t j = 0; j < t; ++j) top = row[j] > top ? row[j] : top;
        scalar_t sum = 0;
#pragma omp simd reduction(+ : sum)
        for (std::int64_t j = 0; j < t; ++j) sum += exp_(row[j] - top);
        sums[i] = sums[i] * std::exp(tops[i] - top) + sum;  // e^-inf = 0 at the first tile
        tops[i] = top;
      }
    });
  });
}

void softmax_gradient(at::Tensor logits_CT, std::int64_t first, const at::Tensor& targets_C,
                      const at::Tensor& top_C, const at::Tensor& sum_C, double scale) {
  const std::int64_t c = logits_CT.size(0), t = logits_CT.size(1);
  const auto* targets = targets_C.const_data_ptr<std::int64_t>();
  for_floating(logits_CT.scalar_type(), [&](auto zero) {
    using scalar_t = decltype(zero);
    auto* logits = logits_CT.data_ptr<scalar_t>();
    const auto* tops = top_C.const_data_ptr<scalar_t>();
    const auto* sums = sum_C.const_data_ptr<scalar_t>();
    for_tokens(c, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        auto* row = logits + i * t;
        const scalar_t top = tops[i], factor = static_cast<scalar_t>(scale) / sums[i];
#pragma omp simd
        for (std::int64_t j = 0; j < t; ++j) row[j] = exp_(row[j] - top) * factor;
        const std::int64_t target = targets[i] - first;
        if (target >= 0 && target < t) row[target] -= static_cast<scalar_t>(scale);
      }
    });
  });
}

}  // namespace anneal
