// Checkpoints on the disk: every rank's slices in a file, and the manifest with checksums, last, by
// rename. A folder without a manifest is not a checkpoint. Any number of ranks reads any other's: a
// reader copies the overlaps of flat ranges. Writing: trainer/checkpoint_writer.h. Format:
// docs/formats.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "parallel/group.h"
#include "trainer/checkpoint_retention.h"
#include "trainer/sharded_model.h"

namespace anneal {

/// Where the run is, beside the weights. The data's order needs nothing but `samples`.
struct TrainState {
  std::int64_t step = 0;     ///< optimizer steps done
  std::int64_t samples = 0;  ///< rows taken from the stream: the global index of the next one
  std::int64_t tokens = 0;   ///< tokens with loss seen so far
  std::int64_t updates = 0;  ///< steps that changed the weights (AdamW's bias correction)
  std::int64_t skipped_in_a_row = 0;  ///< steps at fault just before this one
  std::int64_t fault_begin = 0;       ///< first sample of those steps
  std::vector<double>
      recent_losses;  ///< of sound steps, oldest first; kept where spikes are looked for
  std::string data_fingerprint;
  std::string recipe_fingerprint;  ///< of everything that changes the numbers
  std::map<std::string, double>
      heldout;  ///< mean loss by split, where it was measured at this step
};

/// A rank's file within a checkpoint, as the manifest knows it.
struct CheckpointFile {
  std::uint64_t bytes = 0;
  std::string fingerprint;
};

/// Name of a step's folder: "step_00000020".
std::string checkpoint_name(std::int64_t step);
/// Name of a rank's file within it: "rank_00001.safetensors".
std::string checkpoint_rank_file(int rank);

/// The slices that a rank writes, by their names in the file: weights and both moments of each
/// trained unit.
std::vector<std::pair<std::string, at::Tensor>> checkpoint_slices(ShardedModel& model);

/// The text of manifest.json; `files` by rank.
std::string checkpoint_manifest(ShardedModel& model, const TrainState& state,
                                const std::vector<CheckpointFile>& files);

/// The folders in `folder` that hold a manifest, newest first.
std::vector<std::filesystem::path> checkpoints_newest_first(const std::filesystem::path& folder);
/// Their steps and held-out losses, as far as the manifests read.
std::vector<KnownCheckpoint> known_checkpoints(const std::filesystem::path& folder);

/// Takes the manifest away first, so that what is left never looks whole. Errors are ignored: what
/// stays is removed by the next run.
void remove_checkpoint(const std::filesystem::path& checkpoint);

/// Removes those of later steps: of a history that the run went back from.
void remove_checkpoints_after(const std::filesystem::path& folder, std::int64_t step);

/// Loads one checkpoint into the model after its checksums were verified. All ranks call it and
/// agree. Nothing, and `fault` says why, if it is damaged. Throws DataError if it is of another
/// model.
std::optional<TrainState> load_checkpoint(const std::filesystem::path& checkpoint,
                                          ShardedModel& model, const Group& group,
                                          std::string& fault);

/// Which checkpoints a load may take.
enum class Wanted {
  kNewest,
  kBeforeFaults,  ///< the newest that was not written amid steps at fault, if there is one
};

/// Loads the newest whole checkpoint into the model. A damaged one is passed over with a warning and
/// set aside (renamed "damaged_step_..."), so that it counts for nothing that is kept. Nothing if
/// there is none at all; DataError if all are damaged. All ranks agree.
std::optional<TrainState> load_newest_checkpoint(const std::filesystem::path& folder,
                                                 ShardedModel& model, const Group& group,
                                                 const Log& log, Wanted wanted = Wanted::kNewest);

/// Writes a checkpoint and waits for it; keeps the newest `keep`. All ranks take part. Throws
/// DataError (disk full...) on all ranks; the earlier checkpoints stay. For tests and tools; a run
/// has a CheckpointWriter.
void save_checkpoint(const std::filesystem::path& folder, ShardedModel& model,
                     const TrainState& state, const Group& group, std::int64_t keep);

/// Removes what an interrupted save left (folders without a manifest, temporary files).
void remove_unfinished_checkpoints(const std::filesystem::path& folder);

}  // namespace anneal
