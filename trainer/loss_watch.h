// Is a step sound? Its loss and gradient must be finite, and, where the recipe asks for it, the
// loss must not stand out from those before (z-score). And what to do with a step that is not.
// Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "recipes/schema.h"

namespace anneal {

enum class StepFault { kNone, kNonFinite, kSpike };

struct StepJudgement {
  StepFault fault = StepFault::kNone;
  double z =
      0;  ///< standard deviations above the mean of the sound steps before; 0 while it is unknown
};

class LossWatch {
 public:
  /// Losses of sound steps are needed before a spike can be told.
  static constexpr std::size_t kFewest = 16;

  /// `recent`: losses of the sound steps before a resumption, oldest first.
  LossWatch(const FaultOptions& options, std::vector<double> recent);
  /// Judges a step before its weights change. The deviation counts as at least 1 % of the mean: a
  /// loss that hardly moves has no spikes.
  StepJudgement judge(double loss, double grad_norm) const;
  /// Remembers the loss of a sound step (only where spikes are looked for).
  void accept(double loss);
  const std::vector<double>& recent() const { return recent_; }

 private:
  FaultOptions options_;
  std::vector<double> recent_;
};

enum class FaultAction {
  kSkip,    ///< change no weight and go on
  kRewind,  ///< back to the last checkpoint, leaving the batches at fault out
  kEnd,     ///< exit code 5
};
/// What to do with a step at fault: `in_a_row` counts it and those just before it.
FaultAction fault_action(const FaultOptions& options, std::int64_t in_a_row,
                         std::int64_t rewinds_done);

}  // namespace anneal
