// Memory and time of a training stage before anything is allocated: the formulae of `anneal plan`.
// They follow ShardedModel's buffers one by one (sharded_training.md, formulae).
//   N = tokens of a micro-batch, L = layers, D = dim, E = (heads + 2 kv_heads) head_dim,
//   O = heads head_dim, F = ffn_dim, V = vocabulary, R = ranks, e = bytes of a number
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recipes/schema.h"
#include "trainer/device_kind.h"
#include "trainer/model_shape.h"

namespace anneal {

/// A part of a rank's peak memory and the formula it comes from.
struct MemoryItem {
  std::string what, formula;
  double bytes = 0;
};

struct MemoryPlan {
  std::vector<MemoryItem> items;
  double total_bytes() const;
};

/// How the rows of a step are shared out.
struct StepShape {
  std::int64_t rows_per_rank = 0;  ///< of the rank with the most rows
  std::int64_t micro_rows = 0;     ///< taken through the model at once
  std::int64_t passes = 0;         ///< micro-batches a step
};
StepShape step_shape(const TrainOptions& train, int ranks);

/// Peak memory of one rank. `runtime_bytes` is what the program holds before the model is built (libraries,
/// MPI, CUDA context).
MemoryPlan memory_plan(const ModelShape& shape, const Recipe& recipe, int ranks, const DeviceKind& device,
                       double runtime_bytes);

/// Seconds of parts of a step on CPU, measured by `calibrate` with this recipe's shapes.
struct Calibration {
  double runtime_bytes = 0;        ///< resident beside the large tensors, a rank
  double block_s = 0;              ///< a further block, forward and backward of a micro-batch, its exchange included
  double one_block_model_s = 0;    ///< embedding, one block, head: forward and backward of a micro-batch
  double update_s_per_element = 0; ///< norm and AdamW, an element of a rank's slice
  double round_spread = 1;         ///< slowest over fastest round of measuring: 1 on a machine of one's own
  int ranks = 0, threads = 0;
};

struct TimePlan {
  double step_s = 0;
  double tokens_per_second = 0;  ///< all ranks together
  double compute_s = 0, exchange_s = 0, update_s = 0;  ///< parts of a step; compute and exchange overlap on GPUs
};

TimePlan cpu_time_plan(const ModelShape& shape, const Recipe& recipe, int ranks, const Calibration& measured);
/// From the data sheet: arithmetic at kAssumedUtilization, exchange at the slowest link that is used, the
/// longer of the two (they overlap), and the update at the memory's pace.
TimePlan gpu_time_plan(const ModelShape& shape, const Recipe& recipe, int ranks, const DeviceKind& device);

/// One change of the recipe (or of the number of ranks) that would make it fit.
struct Remedy {
  std::string change;  ///< as typed: "--set train.micro_batch=1", "--ranks 16"
  double total_bytes = 0;
};
/// Changes that bring a rank below `memory_bytes`, the least intrusive first; empty if none does. `per_rank`
/// gives the memory a rank may use as a function of the ranks (a CPU's ranks share one memory).
std::vector<Remedy> remedies(const ModelShape& shape, const Recipe& recipe, int ranks,
                             const DeviceKind& device, double runtime_bytes, double node_bytes);

}  // namespace anneal
