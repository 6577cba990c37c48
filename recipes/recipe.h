// Reading and saving recipes. Unknown keys, wrong types and values out of range are all reported at
// once, each with file, line, value and remedy.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "recipes/schema.h"

namespace anneal {

/// One `--set path.to.key=value`; the value is YAML.
struct Override {
  std::string path;
  std::string value;
};

/// Splits "a.b=c". Throws UsageError if there is no '='.
Override parse_override(const std::string& text);

/// Reads a stage's recipe, applies the overrides, fills in name and run.dir, resolves
/// `stage:NAME/...` paths to folders beside run.dir, validates. Throws UsageError with all faults.
Recipe load_recipe(const std::filesystem::path& file, const std::vector<Override>& overrides = {});

/// Reads a pipeline. Overrides that start with `run.` are the pipeline's; all others are for its
/// stages: `<stage>.<path>` for one, `<path>` for every stage.
Pipeline load_pipeline(const std::filesystem::path& file, const std::vector<Override>& overrides = {});

/// Recipe of one stage of a pipeline, with run.dir = <pipeline run.dir>/<stage name>, the pipeline's
/// seed, and the overrides meant for it.
Recipe load_stage(const Pipeline& pipeline, const PipelineStage& stage,
                  const std::filesystem::path& pipeline_file,
                  const std::vector<Override>& overrides);

/// All fields as YAML, in the order of the schema; reading it gives the same recipe.
std::string to_yaml(const Recipe& recipe);

/// The recipe with everything at its default that changes neither weights nor results, only how
/// often, how fast and on how much memory they are made: checkpoints, threads, recomputation...; and
/// the policy for steps at fault, which sound runs never meet.
Recipe without_cadence(Recipe recipe);

/// The recipe with only the sections that a stage of its kind reads; the others have their defaults. What
/// changes elsewhere does not change the stage's result.
Recipe with_own_sections(const Recipe& recipe);

/// The keys in which two recipes differ: "train.optimizer.lr 2e-3 -> 1e-3, ..."; "" if in none.
std::string difference(const Recipe& before, const Recipe& after);

/// All keys with default, range and comment, for `--help` and the documentation.
std::string describe_recipe_keys();

/// True if the file has a `stages` list, that is, is a pipeline.
bool is_pipeline(const std::filesystem::path& file);

std::string to_string(StageKind kind);

}  // namespace anneal
