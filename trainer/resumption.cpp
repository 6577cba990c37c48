#include "trainer/resumption.h"

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/files.h"
#include "base/fingerprint.h"
#include "recipes/recipe.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

/// What must be the same for a run to go on: all of the recipe but for how long and how often.
Recipe binding_part(Recipe recipe) {
  const TrainOptions defaults;
  recipe = without_cadence(recipe);
  recipe.run.dir = recipe.data.shards = "";
  recipe.train.steps = defaults.steps;
  recipe.train.epochs = defaults.epochs;
  recipe.train.validate_every = defaults.validate_every;
  recipe.data.sources.clear();  // the data stream has a fingerprint of its own
  return recipe;
}

/// What changed since the recipe in the run folder, ": key old -> new"; "" if that cannot be read.
std::string what_changed(const fs::path& before, const Recipe& now) {
  try {
    const std::string changes = difference(binding_part(load_recipe(before)), binding_part(now));
    return changes.empty() ? "" : ": " + changes;
  } catch (const std::exception&) {
    return "";
  }
}

}  // namespace

Resumption::Resumption(const Recipe& recipe, const StageInputs& inputs, const RunFolder& folder,
                       const Group& group, const Log& log)
    : recipe_(recipe),
      inputs_(inputs),
      folder_(folder),
      group_(group),
      log_(log),
      recipe_fingerprint_(fingerprint(to_yaml(binding_part(recipe)))) {
  if (recipe.adapter.kind == "none" || !inputs.start.source) return;
  // The frozen base is in no checkpoint: an adapter must not go on over another one.
  const std::string base = group.is_root() ? weights_fingerprint(*inputs.start.source) : "";
  recipe_fingerprint_ =
      fingerprint(recipe_fingerprint_ + group.broadcast(base, "fingerprint of the base"));
}

void Resumption::clean_up(bool fresh) const {
  if (group_.is_root()) {
    make_folders(folder_.root);
    if (fresh) {  // first what makes the folder look finished
      for (const char* name : {"stage.json", "summary.json", "model", "adapter", "checkpoints",
                               "tensorboard", "rewinds.json", "incidents.jsonl"}) {
        fs::remove_all(folder_.root / name);
      }
    }
    for (const auto& folder : {folder_.root, folder_.model(), folder_.adapter()})
      remove_temporary_files(folder);
    remove_unfinished_checkpoints(folder_.checkpoints());
  }
  group_.barrier("clean-up of the run folder");
}

TrainState Resumption::load(ShardedModel& model, std::int64_t steps, Wanted wanted) const {
  TrainState state{.data_fingerprint = inputs_.stream->fingerprint(),
                   .recipe_fingerprint = recipe_fingerprint_};
  model.fill_base(inputs_.start.base);
  if (model.has_adapters()) {
    model.fill_adapters(
        fresh_weights(inputs_.start.shape, static_cast<std::uint64_t>(recipe_.run.seed)));
  }
  for (ShardedUnit* unit : model.trained_units()) {
    unit->first_moment().zero_();
    unit->second_moment().zero_();
  }
  const auto loaded = load_newest_checkpoint(folder_.checkpoints(), model, group_, log_, wanted);
  if (!loaded) return state;
  const std::string where = folder_.checkpoints().string();
  if (loaded->data_fingerprint != state.data_fingerprint) {
    throw DataError(
        fmt::format("the data changed since the checkpoint at step {} in {}", loaded->step, where),
        "put the data back, or start again with --fresh");
  }
  if (loaded->recipe_fingerprint != state.recipe_fingerprint) {
    throw UsageError(fmt::format("the recipe changed since the checkpoint at step {} in {}{}",
                                 loaded->step, where, what_changed(folder_.recipe(), recipe_)),
                     "use the recipe in the run folder, or start again with --fresh");
  }
  if (loaded->step > steps) {
    throw UsageError(fmt::format("{} holds a checkpoint of step {}, the recipe ends at step {}",
                                 where, loaded->step, steps),
                     "raise train.steps, or start again with --fresh");
  }
  return *loaded;
}

}  // namespace anneal
