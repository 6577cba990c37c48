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

Recipe with_own_sections(const Recipe& recipe) {
  Recipe own;
  own.name = recipe.name;
  own.stage = recipe.stage;
  own.run = recipe.run;
  switch (recipe.stage) {
    case StageKind::kCorpus: own.corpus = recipe.corpus; break;
    case StageKind::kScore: own.score = recipe.score; break;
    case StageKind::kTokenizer:
      own.tokenizer = recipe.tokenizer;
      own.data = recipe.data;
      break;
    case StageKind::kGenerate:
      own.model = recipe.model;
      own.tokenizer = recipe.tokenizer;
      own.generate = recipe.generate;
      break;
    case StageKind::kTrain:
    case StageKind::kEval:
      own.model = recipe.model;
      own.tokenizer = recipe.tokenizer;
      own.data = recipe.data;
      own.train = recipe.train;
      own.adapter = recipe.adapter;
      break;
  }
  return own;
}

}  // namespace anneal
