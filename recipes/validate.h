// What the schema's ranges cannot say: keys that must fit together for the stage's kind.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "recipes/faults.h"
#include "recipes/schema.h"

namespace anneal {

/// Adds a fault, with the place of the key concerned, for everything in `recipe` that cannot work.
/// `file` is the place of keys that were never written.
void validate(const Recipe& recipe, const std::filesystem::path& file, const Places& places,
              Faults& faults);

/// Replaces `stage:NAME/rest` by <folder>/NAME/rest in every key that holds a path (also inside
/// lists "a;b"). If `known` is given, NAME must be one of them: the stages before this one.
void resolve_stage_paths(Recipe& recipe, const std::filesystem::path& folder,
                         const std::vector<std::string>* known, const std::filesystem::path& file,
                         const Places& places, Faults& faults);

/// Place of the key, or of the nearest section above it that was written, or the file.
std::string place_of(const Places& places, const std::string& path, const std::filesystem::path& file);

}  // namespace anneal
