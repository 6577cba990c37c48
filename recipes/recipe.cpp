#include "recipes/recipe.h"

#include "base/error.h"
#include "recipes/loading.h"
#include "recipes/override.h"
#include "recipes/reader.h"
#include "recipes/validate.h"

namespace anneal {
namespace {

std::string without_trailing_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

Override parse_override(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw UsageError(fmt::format("--set {}: expected path.to.key=value", text), "for example --set train.steps=100");
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

Recipe read_recipe(const std::filesystem::path& file, const StageContext& context, Faults& faults) {
  Recipe recipe;
  Places places;
  const YAML::Node node = read_yaml_map(file);
  if (node["stages"]) {
    throw UsageError(fmt::format("{}: this is a pipeline; the recipe of one stage was expected", file.string()),
                     "`anneal run` takes pipelines");
  }
  const Origin origin{file.string()};
  read_section({origin, faults, places}, node, "", recipe);
  // The pipeline's word comes after the file's and before the user's.
  if (context.pipeline) {
    recipe.run.dir = (context.folder / context.stage).string();
    recipe.run.seed = context.pipeline->run.seed;
  }
  for (const auto& override_ : context.overrides) {
    apply_override(override_, recipe, faults, places, context.stages);
  }
  if (recipe.name.empty()) recipe.name = context.pipeline ? context.stage : file.stem().string();
  if (recipe.run.dir.empty()) recipe.run.dir = "runs/" + recipe.name;
  recipe.run.dir = without_trailing_slash(recipe.run.dir);
  if (context.pipeline && recipe.run.dir != (context.folder / context.stage).string()) {
    throw UsageError(fmt::format("stage '{}': run.dir {} is not the pipeline's folder {}", context.stage, recipe.run.dir,
                                 (context.folder / context.stage).string()),
                     "set run.dir for the whole pipeline: --set run.dir=...");
  }
  const auto folder = context.pipeline ? context.folder : std::filesystem::path(recipe.run.dir).parent_path();
  resolve_stage_paths(recipe, folder, context.pipeline ? &context.earlier : nullptr, file, places, faults);
  validate(recipe, file, places, faults);
  return recipe;
}

Recipe load_recipe(const std::filesystem::path& file, const std::vector<Override>& overrides) {
  Faults faults;
  StageContext context;
  context.overrides = overrides;
  const Recipe recipe = read_recipe(file, context, faults);
  faults.throw_if_any(fmt::format("recipe {}", file.string()));
  return recipe;
}

std::string to_string(StageKind kind) {
  switch (kind) {
    case StageKind::kCorpus: return "corpus";
    case StageKind::kTokenizer: return "tokenizer";
    case StageKind::kTrain: return "train";
    case StageKind::kGenerate: return "generate";
    case StageKind::kScore: return "score";
    case StageKind::kEval: return "eval";
  }
  return "unknown";
}

}  // namespace anneal
