// Applying `--set path.to.key=value` to a recipe: the same visitor contract, walking down one path.
#pragma once

#include <string>
#include <vector>

#include "recipes/faults.h"
#include "recipes/recipe.h"

namespace anneal {

/// How an override names itself in messages: "--set a.b=c".
Origin override_origin(const Override& override_);

/// Sets the value at the path: a map replaces the whole section or map, null returns to the default
/// (or deletes a named entry), and a path below data.sources or data.mixture creates the entry.
/// `more_names`: further first components to suggest for an unknown path (a pipeline's stages).
void apply_override(const Override& override_, Recipe& recipe, Faults& faults, Places& places,
                    const std::vector<std::string>& more_names = {});

/// The same for the keys of a pipeline (run.dir, run.seed).
void apply_override(const Override& override_, Pipeline& pipeline, Faults& faults, Places& places);

/// The source or mixture entry that the path goes into: "mine" for data.sources.mine.path, "" if none.
std::string named_entry(const std::string& path);

}  // namespace anneal
