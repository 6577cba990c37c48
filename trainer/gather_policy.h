// Which gathered weights stay over a step and which take turns in one buffer: decided once, for the model
// and for the plan of its memory.
#pragma once

#include "recipes/schema.h"
#include "trainer/model_shape.h"

namespace anneal {

struct GatherPolicy {
  bool keep_blocks = false;  ///< blocks stay gathered for the step (ZeRO-2); else slots are used in turn
  bool share_edges = false;  ///< embedding and head are gathered in turn into one buffer
  bool share_gradients = false;     ///< so are their gradients
  std::int64_t block_slots = 1;     ///< gathered blocks at once
  std::int64_t gradient_slots = 1;  ///< full gradients of blocks (or adapters) at once
};

/// `train.reshard` always, never, or auto: by size, for `ranks` that share the units. `train.prefetch` more
/// slots than the one that is computed.
GatherPolicy gather_policy(const ModelShape& shape, const TrainOptions& train, bool train_base, int ranks);

}  // namespace anneal
