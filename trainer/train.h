// One training stage: shards, model, loop, checkpoints, and the model or adapter at its end.
#pragma once

#include <ATen/ATen.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/log.h"
#include "parallel/group.h"
#include "recipes/schema.h"

namespace anneal {

struct TrainOutcome {
  std::int64_t steps = 0, tokens = 0;
  double final_loss = 0;
  double seconds = 0;             ///< of the loop in this call
  double tokens_per_second = 0;   ///< median over the steps of this call
  bool resumed = false;
  std::map<std::string, double> heldout_before, heldout_after;  ///< mean loss by split
  std::string output;  ///< folder of the model or adapter
};

struct TrainCall {
  bool fresh = false;  ///< ignore and remove earlier checkpoints
  int ranks_on_node = 1;
  at::Device device = at::kCPU;  ///< where the model lives; `group` takes pointers to its memory
  /// Asked once a step on every rank: why the run should save and leave ("SIGTERM"), or "".
  std::function<std::string()> asked_to_leave = [] { return std::string(); };
  /// When the program started: `train.walltime` counts from here.
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  /// Told the step that begins, for messages about ranks that hang or die.
  std::function<void(std::int64_t step)> on_step = [](std::int64_t) {};
};

/// Runs the stage to its end; resumes from the newest whole checkpoint. All ranks call it. Throws
/// UsageError, DataError, CommunicationError, NonFiniteError, and Stopped after it saved because it was asked
/// to leave.
TrainOutcome train(const Recipe& recipe, const Group& group, const Log& log, const TrainCall& call);

}  // namespace anneal
