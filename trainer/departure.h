// Leaving early and in order: a signal on any rank, or the walltime on rank 0, makes all ranks save
// after the same step and end with exit code 6.
#pragma once

#include <array>
#include <span>
#include <string>

#include "parallel/group.h"
#include "recipes/schema.h"
#include "trainer/train.h"

namespace anneal {

class Departure {
 public:
  Departure(const Recipe& recipe, const Group& group, const TrainCall& call);

  /// Seconds of a step that is done: the longest one counts.
  void took(double step_s);
  /// Seconds of a validation: one may be due at the step after which the run leaves.
  void validated(double seconds);
  /// What this rank adds to the step's sums: was it asked to leave; is the walltime (rank 0's
  /// clock) near, so that this step, a validation and a save, each taking twice what it took before,
  /// still fit.
  static constexpr std::size_t kVotes = 2;
  std::array<double, kVotes> votes(double save_s) const;
  /// From the sums: why all ranks leave after this step, or "".
  std::string reason(std::span<const double> sums) const;
  /// Throws Stopped.
  [[noreturn]] void leave(const std::string& reason, std::int64_t step, std::int64_t steps) const;

 private:
  const TrainCall& call_;
  bool keeps_time_;
  std::string walltime_;
  double walltime_s_, longest_step_s_ = 0, longest_validation_s_ = 0;
};

}  // namespace anneal
