// anneal evaluate: held-out losses of one checkpoint of a run, or of all of them with a curve.
#include <ATen/Parallel.h>

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "data/prepare.h"
#include "launch/command.h"
#include "launch/evaluation.h"
#include "trainer/checkpoint.h"
#include "trainer/heldout_loss.h"
#include "trainer/initial_weights.h"
#include "trainer/run_folder.h"
#include "trainer/threads.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

struct EvaluateArguments {
  std::string path, recipe, out;
  bool every = false;
};

/// The run that a path belongs to, and the checkpoint that was named ("" for a run folder).
struct Place {
  fs::path run, checkpoint;
};
Place place_of(const std::string& text) {
  fs::path path = fs::absolute(text).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  if (path.filename().string().starts_with("step_"))
    return {path.parent_path().parent_path(), path};
  if (path.filename() == "checkpoints") return {path.parent_path(), {}};
  return {path, {}};
}

/// The run's recipe, wherever its folder lies now.
Recipe recipe_of(const Place& place) {
  const fs::path file = place.run / "recipe.yaml";
  if (!fs::exists(file) || !fs::exists(place.run / "checkpoints")) {
    throw DataError(fmt::format("{} is no training run: it holds no recipe.yaml and checkpoints",
                                place.run.string()),
                    "name a run folder or a folder checkpoints/step_... of one; anneal eval takes "
                    "finished models");
  }
  Recipe recipe = load_recipe(file, {});
  recipe.run.dir = place.run.string();
  recipe.train.replicate = 1;  // whatever the number of ranks was
  return recipe;
}

std::vector<fs::path> chosen_checkpoints(const Place& place, bool every) {
  if (!place.checkpoint.empty() && !every) return {place.checkpoint};
  auto all = checkpoints_newest_first(place.run / "checkpoints");
  if (all.empty())
    throw DataError(
        fmt::format("{} holds no whole checkpoint", (place.run / "checkpoints").string()));
  if (!every) all.resize(1);
  std::reverse(all.begin(), all.end());
  return all;
}

/// Held-out shards: of the evaluation recipe (prepared where needed) or of the run.
fs::path heldout_shards(const EvaluateArguments& a, const Recipe& run, const Tokenizer& tokenizer,
                        const CommandContext& context) {
  if (a.recipe.empty()) return shard_folder(run);
  const Recipe other = load_recipe(a.recipe, {});
  const fs::path shards = shard_folder(other);
  if (context.group().is_root() && !other.data.sources.empty())
    prepare(other, tokenizer, shards, context.log);
  context.group().barrier("preparation of the token shards by rank 0");
  return shards;
}

void evaluate_run(const EvaluateArguments& a, const CommandContext& context) {
  const Group& group = context.group();
  at::set_num_threads(threads_for_rank(context.world.ranks_on_node()));
  const Place place = place_of(a.path);
  const Recipe recipe = recipe_of(place);
  const Tokenizer tokenizer = Tokenizer::load(shard_folder(recipe));
  const InitialWeights start = initial_weights(recipe, tokenizer.vocab_size());
  ShardedModel model(start.shape, recipe.adapter, recipe.train, group);
  model.fill_base(start.base);
  if (model.has_adapters())
    model.fill_adapters(fresh_weights(start.shape, static_cast<std::uint64_t>(recipe.run.seed)));
  const fs::path shards = heldout_shards(a, recipe, tokenizer, context);
  const HeldoutLoss heldout(shards, recipe.train.sequence_length, recipe.data.isolate_documents,
                            group);

  Evaluation evaluation{.run = place.run.string(), .shards = shards.string()};
  const auto measure = [&](EvaluatedCheckpoint& entry) {
    for (const auto& [split, loss] : heldout.evaluate(model)) entry.heldout[split] = loss;
  };
  if (a.every) {
    evaluation.checkpoints.push_back({.name = "start"});
    measure(evaluation.checkpoints.back());
  }
  // Rank 0 lists for all: what the others see of the file system may be older.
  std::string names;
  if (group.is_root()) {
    for (const auto& path : chosen_checkpoints(place, a.every)) names += path.string() + "\n";
  }
  names = group.broadcast(names, "list of checkpoints");
  for (std::size_t at = 0; at < names.size();) {
    const std::size_t end = names.find('\n', at);
    const fs::path path = names.substr(at, end - at);
    at = end + 1;
    EvaluatedCheckpoint entry{.name = path.filename().string()};
    const auto state = load_checkpoint(path, model, group, entry.fault);
    if (state) {
      entry.step = state->step;
      entry.tokens = static_cast<double>(state->step * recipe.train.global_batch *
                                         recipe.train.sequence_length);
      measure(entry);
    }
    context.log.info("{}: {}", entry.name,
                     state ? fmt::format("mean held-out loss {:.4f}", entry.mean()) : entry.fault);
    evaluation.checkpoints.push_back(std::move(entry));
  }
  const bool any = std::any_of(evaluation.checkpoints.begin(), evaluation.checkpoints.end(),
                               [](const auto& c) { return c.fault.empty() && c.name != "start"; });
  if (!any)
    throw DataError(evaluation.checkpoints.back().fault, "no whole checkpoint is left to evaluate");
  if (group.is_root()) {
    const fs::path out = a.out.empty() ? place.run / "evaluation" : fs::path(a.out);
    write_evaluation(evaluation, out);
    context.log.info("\n{}\n{}", evaluation_table(evaluation), (out / "evaluation.html").string());
  }
  group.barrier("writing of the evaluation");
}

}  // namespace

Command add_evaluate(CLI::App& app) {
  auto* command = app.add_subcommand(
      "evaluate", "Held-out losses of a run's checkpoint, or of all of them with a curve");
  command->footer(
      "Examples:\n"
      "  anneal evaluate runs/quickstart/cpt/checkpoints/step_00000200\n"
      "  mpirun -n 2 anneal evaluate runs/quickstart/cpt --every     (a curve over all of them)");
  auto a = std::make_shared<EvaluateArguments>();
  command
      ->add_option("CHECKPOINT", a->path,
                   "Checkpoint folder (.../checkpoints/step_...), or a run folder: its newest")
      ->required()
      ->check(CLI::ExistingDirectory);
  command->add_flag("--every", a->every,
                    "All checkpoints of the run, and the weights it started from");
  command
      ->add_option("--recipe", a->recipe,
                   "Evaluation recipe whose sources are held-out text, instead of the run's own")
      ->check(CLI::ExistingFile);
  command->add_option(
      "--out", a->out,
      "Folder for evaluation.json and evaluation.html; default: evaluation/ in the run");
  return {command, [=](const CommandContext& context) {
            evaluate_run(*a, context);
            return 0;
          }};
}

}  // namespace anneal
