#include "recipes/recipe.h"

namespace anneal {

Recipe without_cadence(Recipe recipe) {
  const TrainOptions defaults;
  auto& t = recipe.train;
  t.micro_batch = defaults.micro_batch;
  t.checkpoint_every = defaults.checkpoint_every;
  t.keep_checkpoints = defaults.keep_checkpoints;
  t.keep_every = defaults.keep_every;
  t.keep_best = defaults.keep_best;
  t.checkpoint_writing = defaults.checkpoint_writing;
  t.walltime = defaults.walltime;
  t.faults = defaults.faults;  // a run that ended for its faults goes on with another policy
  t.activation_checkpointing = defaults.activation_checkpointing;
  t.reshard = defaults.reshard;
  t.replicate = defaults.replicate;
  t.prefetch = defaults.prefetch;
  t.accumulation = defaults.accumulation;
  t.device = defaults.device;
  t.threads = defaults.threads;
  t.watchdog_s = defaults.watchdog_s;
  return recipe;
}

}  // namespace anneal
