// Checkpoints: every rank writes the slices it owns, the manifest with checksums comes last by rename.
// A folder without a manifest is not a checkpoint. Any number of ranks reads any other's: a reader
// copies the overlaps of flat ranges. Format: docs/formats.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/log.h"
#include "parallel/group.h"
#include "trainer/sharded_model.h"

namespace anneal {

/// Where the run is, beside the weights. The data's order needs nothing but `samples`.
struct TrainState {
  std::int64_t step = 0;     ///< optimizer steps done
  std::int64_t samples = 0;  ///< rows taken from the stream: the global index of the next one
  std::int64_t tokens = 0;   ///< tokens with loss seen so far
  std::int64_t updates = 0;  ///< steps that changed the weights (AdamW's bias correction)
  std::string data_fingerprint;
  std::string recipe_fingerprint;  ///< of everything that changes the numbers
};

/// Writes `folder`/step_XXXXXXXX and removes all but the newest `keep` whole checkpoints. All ranks
/// take part. Throws DataError (disk full...); the earlier checkpoints stay.
void save_checkpoint(const std::filesystem::path& folder, ShardedModel& model,
                     const TrainState& state, const Group& group, std::int64_t keep);

/// Loads the newest whole checkpoint into the model; a damaged one is passed over with a warning.
/// Nothing if there is none at all; DataError if all are damaged. All ranks agree.
std::optional<TrainState> load_newest_checkpoint(const std::filesystem::path& folder,
                                                 ShardedModel& model, const Group& group,
                                                 const Log& log);

/// Name of a step's folder: "step_00000020".
std::string checkpoint_name(std::int64_t step);

/// Removes what an interrupted save left (folders without a manifest, temporary files).
void remove_unfinished_checkpoints(const std::filesystem::path& folder);

}  // namespace anneal
