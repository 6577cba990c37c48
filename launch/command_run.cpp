// anneal run, prepare, train, eval, report: commands that take a recipe or a run folder.
#include <memory>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "data/prepare.h"
#include "launch/command.h"
#include "launch/pipeline.h"
#include "launch/report.h"
#include "launch/stage.h"
#include "trainer/initial_weights.h"

namespace anneal {

namespace {

/// A stage on its own, outside a pipeline.
int run_single(const RecipeArguments& arguments, StageKind kind, bool fresh,
               const CommandContext& context) {
  const Recipe recipe = load_recipe(arguments.file, arguments.overrides());
  if (recipe.stage != kind) {
    throw UsageError(fmt::format("{} is a recipe of stage '{}', this command takes '{}'",
                                 arguments.file, to_string(recipe.stage), to_string(kind)),
                     "anneal run takes recipes of every kind");
  }
  run_stage(recipe, context, {.fresh = fresh});
  context.log.info("run folder: {}", recipe.run.dir);
  return 0;
}

}  // namespace

Command add_run(CLI::App& app) {
  auto* command = app.add_subcommand("run", "Every stage of a pipeline in order, finished ones skipped, an interrupted one resumed; or one stage");
  command->footer("Example: mpirun -n 2 anneal run recipes/quickstart/pipeline.yaml --set run.dir=runs/mine\n"
                  "  --set cpt.train.steps=50 is for the stage cpt, --set train.steps=50 for all stages");
  auto arguments = std::make_shared<RecipeArguments>();
  auto fresh = std::make_shared<bool>(false);
  add_recipe_arguments(*command, *arguments, "PIPELINE");
  command->add_flag("--fresh", *fresh, "Do all stages again from the start");
  return {command, [=](const CommandContext& context) {
            if (is_pipeline(arguments->file)) {
              run_pipeline(arguments->file, arguments->overrides(), *fresh, context);
              return 0;
            }
            const Recipe recipe = load_recipe(arguments->file, arguments->overrides());
            run_stage(recipe, context, {.fresh = *fresh});
            context.log.info("run folder: {}", recipe.run.dir);
            return 0;
          }};
}

Command add_prepare(CLI::App& app) {
  auto* command = app.add_subcommand("prepare", "Sources to token shards, or a recipe's corpus or tokenizer");
  command->footer("Example: anneal prepare recipes/quickstart/cpt.yaml");
  auto arguments = std::make_shared<RecipeArguments>();
  add_recipe_arguments(*command, *arguments);
  return {command, [=](const CommandContext& context) {
            const Recipe recipe = load_recipe(arguments->file, arguments->overrides());
            if (recipe.stage == StageKind::kCorpus || recipe.stage == StageKind::kTokenizer) {
              run_stage(recipe, context, {});
            } else if (context.group().is_root()) {
              const PrepareReport report = prepare(recipe, tokenizer_for(recipe), shard_folder(recipe), context.log);
              if (report.reused) context.log.info("{}", describe_sources(report.manifest));
              context.log.info("{}{}", shard_folder(recipe).string(),
                               report.reused ? " (was up to date)" : "");
            }
            context.group().barrier("preparation of the token shards by rank 0");
            return 0;
          }};
}

Command add_train(CLI::App& app) {
  auto* command = app.add_subcommand("train", "One training stage; resumes by itself from the newest whole checkpoint");
  command->footer("Example: mpirun -n 2 anneal train recipes/quickstart/cpt.yaml --set train.steps=100\n\n"
                  "Keys of a recipe:\n" + describe_recipe_keys());
  auto arguments = std::make_shared<RecipeArguments>();
  auto fresh = std::make_shared<bool>(false);
  add_recipe_arguments(*command, *arguments);
  command->add_flag("--fresh", *fresh, "Start again: earlier checkpoints are removed");
  return {command, [=](const CommandContext& context) {
            return run_single(*arguments, StageKind::kTrain, *fresh, context);
          }};
}

Command add_eval(CLI::App& app) {
  auto* command = app.add_subcommand("eval", "Held-out loss of a model on every source of a recipe");
  command->footer("Example: anneal eval recipes/llamat2/evaluate.yaml --set model.from=my_llama");
  auto arguments = std::make_shared<RecipeArguments>();
  add_recipe_arguments(*command, *arguments);
  return {command, [=](const CommandContext& context) {
            return run_single(*arguments, StageKind::kEval, /*fresh=*/false, context);
          }};
}

namespace {

/// A score has a page of its own, made with its crystals at hand: nothing poorer takes its place.
void refuse_score(const std::filesystem::path& folder) {
  const auto summary = nlohmann::json::parse(
      std::filesystem::exists(folder / "summary.json") ? read_file(folder / "summary.json") : "null", nullptr,
      /*allow_exceptions=*/false);
  if (!summary.is_object() || summary.value("format", "") != "anneal-score") return;
  throw UsageError(fmt::format("{} is a score: its report.html comes with it", folder.string()),
                   "anneal score writes it anew; for a pipeline's page name the pipeline's folder");
}

}  // namespace

Command add_report(CLI::App& app) {
  auto* command = app.add_subcommand("report", "Write report.html of a run or pipeline folder and print its table");
  command->footer("Example: anneal report runs/quickstart");
  auto folder = std::make_shared<std::string>();
  command->add_option("FOLDER", *folder, "Run folder")->required()->check(CLI::ExistingDirectory);
  return {command, [=](const CommandContext& context) {
            if (!context.group().is_root()) return 0;
            refuse_score(*folder);
            write_report(*folder, std::filesystem::path(*folder).filename().string());
            context.log.info("{}", summary_table(*folder));
            context.log.info("report: {}/report.html", *folder);
            return 0;
          }};
}

}  // namespace anneal
