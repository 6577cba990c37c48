#include "trainer/optimizer.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <vector>

namespace anneal {

namespace {

/// Sum of squares in fixed blocks, so that the result does not depend on the number of threads.
double squared_norm(const float* x, std::int64_t n) {
  constexpr std::int64_t kBlock = 1 << 14;
  const std::int64_t blocks = (n + kBlock - 1) / kBlock;
  std::vector<double> sums(blocks);
  at::parallel_for(0, blocks, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      double sum = 0;
      const std::int64_t last = std::min(n, (b + 1) * kBlock);
#pragma omp simd reduction(+ : sum)
      for (std::int64_t i = b * kBlock; i < last; ++i) {
        sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
      }
      sums[b] = sum;
    }
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

/// The same on a GPU; the sum is in double.
double squared_norm(const at::Tensor& x) {
  if (x.is_cpu()) return squared_norm(x.const_data_ptr<float>(), x.numel());
  const double norm = at::linalg_vector_norm(x, 2, std::nullopt, /*keepdim=*/false, at::kDouble).item<double>();
  return norm * norm;
}

}  // namespace

void fused_adamw_step(ShardedUnit& unit, const OptimizerOptions& options, double rate, double gradient_scale,
                      std::int64_t step) {
  // The kernel divides the gradient by this.
  const at::Tensor divisor = at::full({}, 1 / gradient_scale, unit.weights().options());
  for (const bool decays : {true, false}) {
    std::vector<at::Tensor> w, g, m, v, steps;
    for (const auto& range : unit.slice_ranges()) {
      if (range.decays != decays) continue;
      const auto part = [&](const at::Tensor& x) { return x.narrow(0, range.begin, range.end - range.begin); };
      w.push_back(part(unit.weights())), g.push_back(part(unit.gradient()));
      m.push_back(part(unit.first_moment())), v.push_back(part(unit.second_moment()));
      steps.push_back(at::full({}, static_cast<double>(step), unit.weights().options()));
    }
    if (w.empty()) continue;
    at::_fused_adamw_(w, g, m, v, /*max_exp_avg_sqs=*/{}, steps, rate, options.beta1, options.beta2,
                      decays ? options.weight_decay : 0.0, options.eps, /*amsgrad=*/false, /*maximize=*/false,
                      divisor);
  }
}

double global_squared_norm(std::span<ShardedUnit* const> units, const Mesh& mesh,
                           std::span<double> extra) {
  std::vector<double> values(extra.begin(), extra.end());
  double sum = 0;
  for (ShardedUnit* unit : units) {
    sum += squared_norm(unit->gradient());
  }
  values.push_back(mesh.speaks() ? sum : 0.0);
  mesh.world.all_reduce_sum(values, "sum of the loss and the squared gradient norm");
  std::copy(values.begin(), values.end() - 1, extra.begin());
  return values.back();
}

void adamw_step(std::span<ShardedUnit* const> units, const OptimizerOptions& options, double rate,
                double gradient_scale, std::int64_t step) {
  const auto b1 = static_cast<float>(options.beta1), b2 = static_cast<float>(options.beta2);
  const double correction1 = 1 - std::pow(options.beta1, static_cast<double>(step));
  const double correction2 = 1 - std::pow(options.beta2, static_cast<double>(step));
  const auto step_size = static_cast<float>(rate / correction1);
  const auto root_scale = static_cast<float>(1 / std::sqrt(correction2));
  const auto eps = static_cast<float>(options.eps), scale = static_cast<float>(gradient_scale);
  for (ShardedUnit* unit : units) {
    if (!unit->weights().is_cpu()) {
      fused_adamw_step(*unit, options, rate, gradient_scale, step);
      continue;
    }
    float* w = unit->weights().data_ptr<float>();
    float* m = unit->first_moment().data_ptr<float>();
    float* v = unit->second_moment().data_ptr<float>();
    const float* g = unit->gradient().const_data_ptr<float>();
    for (const auto& range : unit->slice_ranges()) {
      const auto keep = static_cast<float>(range.decays ? 1 - rate * options.weight_decay : 1.0);
      at::parallel_for(range.begin, range.end, 1 << 14, [&](std::int64_t begin, std::int64_t end) {
#pragma omp simd
        for (std::int64_t i = begin; i < end; ++i) {
          const float gi = g[i] * scale;
          m[i] = b1 * m[i] + (1 - b1) * gi;
          v[i] = b2 * v[i] + (1 - b2) * gi * gi;
          w[i] = keep * w[i] - step_size * m[i] / (std::sqrt(v[i]) * root_scale + eps);
        }
      });
    }
  }
}

}  // namespace anneal
