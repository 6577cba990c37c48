// Pipelines: a list of stages, each with a recipe file, in one run folder.
#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "recipes/loading.h"
#include "recipes/override.h"
#include "recipes/reader.h"

namespace anneal {
namespace {

/// Which stage an override is for: "" = every stage. The rest of the path is the recipe's key.
struct Target {
  std::string stage;
  Override override_;
};

bool is_recipe_section(const std::string& key) {
  for (const char* section : {"run", "model", "tokenizer", "data", "train", "adapter", "generate", "score", "corpus"}) {
    if (key == section) return true;
  }
  return false;
}

bool is_pipeline_override(const Override& override_) {
  return split(override_.path, '.')[0] == "run";
}

Target target_of(const Override& override_, const Pipeline& pipeline) {
  const auto pieces = split(override_.path, '.');
  for (const auto& stage : pipeline.stages) {
    if (pieces.size() >= 2 && pieces[0] == stage.name && is_recipe_section(std::string(pieces[1]))) {
      return {stage.name, {override_.path.substr(pieces[0].size() + 1), override_.value}};
    }
  }
  return {"", override_};
}

std::vector<std::string> stage_names(const Pipeline& pipeline) {
  std::vector<std::string> names;
  for (const auto& stage : pipeline.stages) names.push_back(stage.name);
  return names;
}

std::filesystem::path recipe_file(const std::filesystem::path& pipeline_file, const PipelineStage& stage) {
  return pipeline_file.parent_path() / stage.recipe;
}

/// True if the stage's recipe, before overrides, has the source that data.sources.NAME... or
/// data.mixture.NAME is about.
bool has_source(const std::filesystem::path& file, const std::string& name) {
  const YAML::Node node = read_yaml_map(file);
  const YAML::Node data = node["data"];
  return data.IsDefined() && data.IsMap() && data["sources"].IsDefined() && data["sources"].IsMap() &&
         data["sources"][name].IsDefined();
}

StageContext context_of(const Pipeline& pipeline, const std::string& name,
                        const std::filesystem::path& file, const std::vector<Override>& overrides) {
  StageContext context;
  context.pipeline = &pipeline;
  context.stage = name;
  context.folder = pipeline.run.dir;
  context.stages = stage_names(pipeline);
  for (const auto& stage : context.stages) {
    if (stage == name) break;
    context.earlier.push_back(stage);
  }
  std::vector<std::string> made;  // sources that an earlier override of this stage has created
  for (const auto& override_ : overrides) {
    if (is_pipeline_override(override_)) continue;
    const Target target = target_of(override_, pipeline);
    const std::string source = named_entry(target.override_.path);
    if (target.stage == name) {
      made.push_back(source);
    } else if (!target.stage.empty()) {
      continue;
    } else if (!source.empty() && std::find(made.begin(), made.end(), source) == made.end() &&
               !has_source(file, source)) {
      continue;  // "every stage" means every stage that has this source
    }
    context.overrides.push_back(target.override_);
  }
  return context;
}

void read_stages(Reading reading, const YAML::Node& node, Pipeline& pipeline) {
  if (!node.IsSequence() || node.size() == 0) {
    return reading.fault(node, fmt::format("'stages' must be a list of {{name, recipe}}, got {}",
                                           node.IsSequence() ? "an empty list" : describe_value(node)));
  }
  for (const auto& item : node) {
    PipelineStage stage;
    if (!item.IsMap()) {
      reading.fault(item, fmt::format("a stage must be a map {{name: ..., recipe: ...}}, got {}", describe_value(item)));
      continue;
    }
    MapReader reader(reading, item, "stages");
    reader.field("name", stage.name, Rule{}, "");
    reader.field("recipe", stage.recipe, Rule{}, "");
    reader.finish();
    if (stage.recipe.empty()) reading.fault(item, "a stage needs 'recipe', the file of its recipe");
    if (stage.name.empty()) stage.name = std::filesystem::path(stage.recipe).stem().string();
    if (stage.name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") !=
            std::string::npos || stage.name == "run") {
      reading.fault(item, fmt::format("'{}' cannot name a stage: letters, digits, '_' and '-' are allowed, 'run' is not", stage.name));
    }
    for (const auto& other : pipeline.stages) {
      if (other.name == stage.name) reading.fault(item, fmt::format("two stages are called '{}'", stage.name));
    }
    pipeline.stages.push_back(stage);
  }
}

/// Overrides for every stage about a source that no stage has would silently do nothing.
void check_overrides_reach(const std::filesystem::path& file, const Pipeline& pipeline,
                           const std::vector<Override>& overrides, Faults& faults) {
  for (const auto& override_ : overrides) {
    if (is_pipeline_override(override_) || !target_of(override_, pipeline).stage.empty()) continue;
    const std::string source = named_entry(override_.path);
    if (source.empty()) continue;
    bool reached = false;
    for (const auto& stage : pipeline.stages) {
      for (const auto& used : context_of(pipeline, stage.name, recipe_file(file, stage), overrides).overrides) {
        reached = reached || (used.path == override_.path && used.value == override_.value);
      }
    }
    if (reached) continue;
    faults.add(override_origin(override_).name,
               fmt::format("no stage has a source '{}'; to add one, name the stage: --set STAGE.{}={}", source,
                           override_.path, override_.value));
  }
}

std::string default_name(const std::filesystem::path& file) {
  const std::string stem = file.stem().string();
  if (stem != "pipeline") return stem;
  return std::filesystem::absolute(file).lexically_normal().parent_path().filename().string();
}

}  // namespace

Pipeline load_pipeline(const std::filesystem::path& file, const std::vector<Override>& overrides) {
  Faults faults;
  Places places;
  const Origin origin{file.string()};
  Pipeline pipeline;
  Reading reading{origin, faults, places};
  const YAML::Node node = read_yaml_map(file);
  MapReader reader(reading, node, "");
  visit_fields(reader, pipeline);
  if (const MapEntry* stages = reader.take("stages")) {
    read_stages(reading, stages->value, pipeline);
  } else {
    faults.add(file.string(), "a pipeline needs 'stages', a list of {name, recipe}");
  }
  reader.finish();
  for (const auto& override_ : overrides) {
    if (is_pipeline_override(override_)) apply_override(override_, pipeline, faults, places);
  }
  if (pipeline.name.empty()) pipeline.name = default_name(file);
  if (pipeline.run.dir.empty()) pipeline.run.dir = "runs/" + pipeline.name;
  while (pipeline.run.dir.size() > 1 && pipeline.run.dir.back() == '/') pipeline.run.dir.pop_back();
  faults.throw_if_any(fmt::format("pipeline {}", file.string()));
  // Every stage is read now: a slip in the last recipe should not cost the hours before it.
  for (const auto& stage : pipeline.stages) {
    const auto stage_file = recipe_file(file, stage);
    if (!std::filesystem::exists(stage_file)) {
      faults.add(file.string(), fmt::format("stage '{}': there is no recipe file '{}'", stage.name, stage_file.string()));
      continue;
    }
    Faults stage_faults;
    read_recipe(stage_file, context_of(pipeline, stage.name, stage_file, overrides), stage_faults);
    faults.append(stage_faults);
  }
  if (faults.empty()) check_overrides_reach(file, pipeline, overrides, faults);
  faults.throw_if_any(fmt::format("pipeline {}", file.string()));
  return pipeline;
}

Recipe load_stage(const Pipeline& pipeline, const PipelineStage& stage,
                  const std::filesystem::path& pipeline_file, const std::vector<Override>& overrides) {
  Faults faults;
  const auto file = recipe_file(pipeline_file, stage);
  const Recipe recipe = read_recipe(file, context_of(pipeline, stage.name, file, overrides), faults);
  faults.throw_if_any(fmt::format("recipe {} (stage '{}')", file.string(), stage.name));
  return recipe;
}

bool is_pipeline(const std::filesystem::path& file) {
  const YAML::Node node = read_yaml_map(file);
  return node["stages"].IsDefined();
}

}  // namespace anneal
