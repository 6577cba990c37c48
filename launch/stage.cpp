#include "launch/stage.h"

#include <chrono>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "data/corpus.h"
#include "data/tokenizer_training.h"
#include "launch/stop_signals.h"
#include "parallel/device_backend.h"
#include "recipes/recipe.h"
#include "trainer/train.h"

namespace anneal {

using Json = nlohmann::ordered_json;

Json run_corpus_stage(const Recipe& recipe, const CommandContext& context) {
  Json metrics;
  if (context.group().is_root()) {
    write_corpus(recipe, recipe.run.dir, context.log);
    metrics = Json::parse(read_file(std::filesystem::path(recipe.run.dir) / "corpus.json"));
  }
  context.group().barrier("writing of the corpus by rank 0");
  return metrics;
}

Json run_tokenizer_stage(const Recipe& recipe, const CommandContext& context) {
  Json metrics;
  if (context.group().is_root()) {
    const auto file = std::filesystem::path(recipe.run.dir) / "tokenizer.model";
    make_folders(recipe.run.dir);
    const Tokenizer tokenizer = train_tokenizer(recipe, file, context.log);
    metrics = {{"vocab_size", tokenizer.vocab_size()}, {"fingerprint", tokenizer.fingerprint()}};
  }
  context.group().barrier("training of the tokenizer by rank 0");
  return metrics;
}

Json run_train_stage(const Recipe& recipe, const CommandContext& context, bool fresh) {
  context.world.set_timeout(recipe.train.watchdog_s);
  const DeviceBackend backend = make_device_backend(context.world, recipe.train.device);
  if (!backend.device.is_cpu()) context.log.info("{} GPU(s): {}", context.group().size(), backend.name);
  const StopSignals remembered;
  const TrainOutcome outcome =
      train(recipe, backend.group, context.log,
            {.fresh = fresh,
             .ranks_on_node = context.world.ranks_on_node(),
             .device = backend.device,
             .asked_to_leave = StopSignals::received,
             .started = context.started,
             .on_step = [&](std::int64_t step) { context.world.status().step = step; }});
  context.world.status().step = 0;
  context.world.set_timeout(World::kDefaultTimeoutS);
  Json metrics{{"steps", outcome.steps},
               {"tokens", outcome.tokens},
               {"loss", outcome.final_loss},
               {"tokens_per_second", outcome.tokens_per_second},
               {"train_seconds", outcome.seconds},
               {"output", outcome.output}};
  for (const auto& [split, loss] : outcome.heldout_before) metrics["heldout_before"][split] = loss;
  for (const auto& [split, loss] : outcome.heldout_after) metrics["heldout_after"][split] = loss;
  return metrics;
}

Json run_stage(const Recipe& recipe, const CommandContext& context, const StageCall& call) {
  const auto start = std::chrono::steady_clock::now();
  const std::filesystem::path folder = recipe.run.dir;
  Json metrics;
  switch (recipe.stage) {
    case StageKind::kCorpus: metrics = run_corpus_stage(recipe, context); break;
    case StageKind::kTokenizer: metrics = run_tokenizer_stage(recipe, context); break;
    case StageKind::kTrain: metrics = run_train_stage(recipe, context, call.fresh); break;
    case StageKind::kGenerate: metrics = run_generate_stage(recipe, context); break;
    case StageKind::kScore: metrics = run_score_stage(recipe, context); break;
    case StageKind::kEval: metrics = run_eval_stage(recipe, context); break;
  }
  if (context.group().is_root()) {
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    write_file_atomic(folder / "recipe.yaml", to_yaml(recipe));
    const std::string text = Json{{"format", "anneal-stage"},
                                  {"format_version", 1},
                                  {"name", recipe.name},
                                  {"kind", to_string(recipe.stage)},
                                  {"status", "done"},
                                  {"seconds", seconds},
                                  {"metrics", metrics},
                                  {"fingerprint", call.stage_fingerprint}}
                                 .dump(2) + "\n";
    // A score stage has written its own summary.json (interface.md).
    if (recipe.stage != StageKind::kScore) write_file_atomic(folder / "summary.json", text);
    write_file_atomic(folder / kStageFile, text);
  }
  context.group().barrier("end of the stage");
  return metrics;
}

}  // namespace anneal
