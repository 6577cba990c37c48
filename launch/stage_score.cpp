// The score stage: the generated crystals, and beside them the untrained model's, those sampled
// without the grammar, and real ones.
#include <filesystem>

#include "base/files.h"
#include "base/text.h"
#include "launch/scoring.h"
#include "launch/stage.h"

namespace anneal {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

ScoreRequest request_of(const JudgeOptions& recipe, const std::string& input, const fs::path& out) {
  ScoreRequest request{.input = input, .out = out, .min_distance_a = recipe.min_distance, .families = recipe.families, .table = false};
  request.reference.input = recipe.reference;
  request.reference.most = recipe.compare;
  request.reference.metrics.struct_cutoff = recipe.struct_cutoff;
  request.reference.metrics.comp_cutoff = recipe.comp_cutoff;
  request.stability.on = recipe.stability;
  request.stability.options.relax = recipe.relax;
  for (const auto path : split(recipe.hull, ';')) {
    if (!trim(path).empty()) request.stability.hull.emplace_back(trim(path));
  }
  return request;
}

/// The summary, on rank 0; nothing on the others.
Json score_one(const ScoreRequest& request, const CommandContext& context) {
  run_score(request, context);
  // the folder of the next set may lie in this one's
  context.group().barrier("the files of the score");
  return context.group().is_root() ? Json::parse(read_file(fs::path(request.out) / "summary.json")) : Json();
}

}  // namespace

Json run_score_stage(const Recipe& recipe, const CommandContext& context) {
  const JudgeOptions& score = recipe.score;
  const fs::path folder = recipe.run.dir;
  ScoreRequest own = request_of(score, score.input, folder);
  own.table = true;
  if (own.stability.on) {  // crystals of the hull are relaxed once for all sets
    own.stability.known = read_hull(own.stability, threads_of_a_rank(own.threads, context), context);
  }
  Json metrics = score_one(own, context);
  const std::pair<const char*, const std::string*> beside[] = {
      {"baseline", &score.baseline}, {"unconstrained", &score.unconstrained}, {"reference", &score.reference}};
  for (const auto& [name, input] : beside) {
    if (input->empty()) continue;
    ScoreRequest request = request_of(score, *input, folder / name);
    request.stability.known = own.stability.known;
    request.report = false;  // the pipeline's report has these sets side by side
    if (input == &score.reference) {  // real: neither compared with themselves nor relaxed
      request.reference.input.clear();
      request.stability.on = false;
    }
    metrics[name] = score_one(request, context);
  }
  return metrics;
}

}  // namespace anneal
