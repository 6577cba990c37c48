// The score stage: the generated crystals, and beside them the untrained model's, those sampled
// without the grammar, and real ones.
#include <filesystem>

#include "base/error.h"
#include "base/files.h"
#include "cif/score.h"
#include "launch/stage.h"

namespace anneal {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

/// Scores one set; `compared` with the real crystals (MP-20's cutoffs) or not.
Json score_one(const fs::path& input, const fs::path& out, const JudgeOptions& recipe, bool compared, const Log& log) {
  ScoreOptions options{.cutoff_a = recipe.struct_cutoff, .progress = log.speaks(), .log = log, .reference = {}, .parts = {}};
  if (compared && !recipe.reference.empty()) {
    options.reference = ScoreReference{.input = recipe.reference, .most = 10'000, .metrics = {}};
  }
  score_file(input, out, options);
  return Json::parse(read_file(out / "summary.json"));
}

}  // namespace

Json run_score_stage(const Recipe& recipe, const CommandContext& context) {
  Json metrics;
  if (context.group().is_root()) {
    const fs::path folder = recipe.run.dir;
    metrics = score_one(recipe.score.input, folder, recipe.score, true, context.log);
    const std::pair<const char*, const std::string*> beside[] = {
        {"baseline", &recipe.score.baseline},
        {"unconstrained", &recipe.score.unconstrained},
        {"reference", &recipe.score.reference}};
    for (const auto& [name, input] : beside) {
      if (input->empty()) continue;
      const bool compared = input != &recipe.score.reference;
      metrics[name] = score_one(*input, folder / name, recipe.score, compared, context.log);
    }
  }
  context.group().barrier("scoring by rank 0");
  return metrics;
}

}  // namespace anneal
