#include "trainer/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace anneal {

Schedule::Schedule(const OptimizerOptions& options, std::int64_t steps)
    : options_(options), steps_(steps) {
  warmup_ = options.warmup_steps >= 0
                ? options.warmup_steps
                : std::llround(options.warmup_fraction * static_cast<double>(steps));
}

double Schedule::rate(std::int64_t step) const {
  const double top = options_.lr, bottom = options_.lr * options_.min_lr_ratio;
  if (step <= warmup_) return top * static_cast<double>(step) / static_cast<double>(warmup_);
  if (options_.schedule == "constant") return top;
  const auto span = static_cast<double>(std::max<std::int64_t>(1, steps_ - warmup_));
  const double done = std::clamp(static_cast<double>(step - warmup_) / span, 0.0, 1.0);
  if (options_.schedule == "linear") return top + (bottom - top) * done;
  return bottom + 0.5 * (top - bottom) * (1 + std::cos(std::numbers::pi * done));
}

}  // namespace anneal
