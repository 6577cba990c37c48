// Learning rate by step: linear warm-up, then cosine (Loshchilov & Hutter 2017), linear or constant.
#pragma once

#include <cstdint>

#include "recipes/schema.h"

namespace anneal {

class Schedule {
 public:
  /// `steps`: all optimizer steps of the run.
  Schedule(const OptimizerOptions& options, std::int64_t steps);
  /// Rate of the step that is done as number `step` (1, 2, ..., steps). During the warm-up
  /// lr * step / warm-up (Megatron's rule: checked against the LLaMA-2 log of LLaMat).
  double rate(std::int64_t step) const;
  std::int64_t warmup_steps() const { return warmup_; }

 private:
  OptimizerOptions options_;
  std::int64_t steps_, warmup_;
};

}  // namespace anneal
