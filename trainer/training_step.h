// One optimizer step in two halves: the mean loss and its gradient over a global batch, then clip
// and AdamW. Between them the caller decides whether the step is sound.
#pragma once

#include <cstdint>
#include <span>

#include "data/token_stream.h"
#include "parallel/group.h"
#include "recipes/schema.h"
#include "trainer/sharded_model.h"

namespace anneal {

struct StepResult {
  double loss = 0;       ///< mean over the step's targets, all ranks
  double grad_norm = 0;  ///< of the mean loss, before clipping
  std::int64_t targets = 0;
};

class TrainingStep {
 public:
  TrainingStep(const Recipe& recipe, const TokenStream& stream, ShardedModel& model,
               const Group& group);

  /// Forward, backward, reduce over rows [first_sample, first_sample + global_batch). `votes` are
  /// summed over the ranks along with the count of targets. All ranks call it.
  StepResult gradients(std::int64_t first_sample, std::span<double> votes);
  /// Clips and takes the AdamW step number `update` (from 1) with this learning rate.
  void update(const StepResult& result, double rate, std::int64_t update);

 private:
  const Recipe& recipe_;
  const TokenStream& stream_;
  ShardedModel& model_;
  Group group_;
};

}  // namespace anneal
