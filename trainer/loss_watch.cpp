#include "trainer/loss_watch.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace anneal {

LossWatch::LossWatch(const FaultOptions& options, std::vector<double> recent)
    : options_(options), recent_(std::move(recent)) {}

StepJudgement LossWatch::judge(double loss, double grad_norm) const {
  if (!std::isfinite(loss) || !std::isfinite(grad_norm)) return {.fault = StepFault::kNonFinite};
  if (options_.spike_z <= 0 || recent_.size() < kFewest) return {};
  const auto count = static_cast<double>(recent_.size());
  double mean = 0, squares = 0;
  for (const double value : recent_) mean += value / count;
  for (const double value : recent_) squares += (value - mean) * (value - mean);
  const double deviation = std::max(std::sqrt(squares / (count - 1)), 0.01 * std::abs(mean));
  const double z = deviation > 0 ? (loss - mean) / deviation : 0;
  return {.fault = z > options_.spike_z ? StepFault::kSpike : StepFault::kNone, .z = z};
}

void LossWatch::accept(double loss) {
  if (options_.spike_z <= 0) return;
  recent_.push_back(loss);
  const auto most = static_cast<std::size_t>(options_.spike_window);
  if (recent_.size() > most)
    recent_.erase(recent_.begin(), recent_.end() - static_cast<std::ptrdiff_t>(most));
}

FaultAction fault_action(const FaultOptions& options, std::int64_t in_a_row,
                         std::int64_t rewinds_done) {
  if (in_a_row <= options.skip_in_a_row) return FaultAction::kSkip;
  return rewinds_done < options.rewinds ? FaultAction::kRewind : FaultAction::kEnd;
}

}  // namespace anneal
