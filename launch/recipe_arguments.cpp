#include "launch/command.h"

namespace anneal {

void add_recipe_arguments(CLI::App& app, RecipeArguments& arguments, const char* what) {
  app.add_option(what, arguments.file, "YAML file")->required()->check(CLI::ExistingFile);
  app.add_option("--set", arguments.sets,
                 "Change a key of the recipe: --set train.steps=100 (may be repeated; the value is YAML)")
      ->expected(1)
      ->take_all();
}

std::vector<Override> RecipeArguments::overrides() const {
  std::vector<Override> result;
  for (const auto& text : sets) result.push_back(parse_override(text));
  return result;
}

}  // namespace anneal
