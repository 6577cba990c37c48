// Shared by recipe.cpp and pipeline.cpp: reading one stage's recipe in its surroundings.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "recipes/faults.h"
#include "recipes/recipe.h"

namespace anneal {

/// What surrounds a recipe. Outside a pipeline only `overrides` is used.
struct StageContext {
  std::vector<Override> overrides;
  const Pipeline* pipeline = nullptr;
  std::string stage;                  ///< name of the stage
  std::filesystem::path folder;       ///< the pipeline's run folder
  std::vector<std::string> earlier;   ///< names of the stages before this one
  std::vector<std::string> stages;    ///< names of all stages
};

/// Reads, overrides, resolves and validates; what is wrong goes to `faults`. Throws UsageError only
/// for a file that is no readable YAML map at all.
Recipe read_recipe(const std::filesystem::path& file, const StageContext& context, Faults& faults);

}  // namespace anneal
