// Which checkpoints stay on the disk: the newest, every n-th, the best on held-out text. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "recipes/schema.h"

namespace anneal {

/// `train.keep_checkpoints`, `keep_every`, `keep_best`.
struct KeepPolicy {
  std::int64_t newest = 2;
  std::int64_t every = 0;  ///< steps; 0 = none
  std::int64_t best = 0;   ///< number of them; 0 = none
};
KeepPolicy keep_policy(const TrainOptions& train);

/// A whole checkpoint on the disk.
struct KnownCheckpoint {
  std::int64_t step = 0;
  std::optional<double> heldout;  ///< mean held-out loss, where it was measured at that step
  bool suspect = false;           ///< written amid steps at fault: its weights may be what is wrong
};

/// Steps of the checkpoints that the policy gives up, ascending. Of equal losses the earlier is
/// better; a loss that is not finite is none. The newest that is not suspect always stays: a run
/// that goes back needs it.
std::vector<std::int64_t> checkpoints_to_remove(std::vector<KnownCheckpoint> known,
                                                const KeepPolicy& keep);

/// Whether a run copies its slices to write them beside the training (12 bytes a trained element of
/// a rank).
bool copies_for_checkpoints(const TrainOptions& train);

}  // namespace anneal
