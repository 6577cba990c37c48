// The state a run begins with: fresh weights, or the newest whole checkpoint of its folder if that
// is of the same recipe and data.
#pragma once

#include <string>

#include "base/log.h"
#include "parallel/group.h"
#include "recipes/schema.h"
#include "trainer/checkpoint.h"
#include "trainer/run_folder.h"
#include "trainer/stage_inputs.h"

namespace anneal {

class Resumption {
 public:
  Resumption(const Recipe& recipe, const StageInputs& inputs, const RunFolder& folder,
             const Group& group, const Log& log);

  /// Removes what an interrupted call left half-written; with `fresh` all that an earlier one made.
  void clean_up(bool fresh) const;
  /// Fills the model and says where the run is: step 0, or that of the newest whole checkpoint. All
  /// ranks call it, at the start and to go back. Throws DataError, UsageError if the checkpoint is
  /// of something else.
  TrainState load(ShardedModel& model, std::int64_t steps, Wanted wanted = Wanted::kNewest) const;

 private:
  const Recipe& recipe_;
  const StageInputs& inputs_;
  RunFolder folder_;
  Group group_;
  Log log_;
  std::string recipe_fingerprint_;
};

}  // namespace anneal
