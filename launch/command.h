// One file a subcommand: each adds itself to the command line and returns an exit code when called.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "parallel/mpi_world.h"
#include "recipes/recipe.h"

namespace anneal {

/// What every command works with; built in main.
struct CommandContext {
  World& world;
  Log log;  ///< speaks on rank 0 only, not with --quiet
  std::chrono::steady_clock::time_point started;  ///< of this process
  const Group& group() const { return world.group(); }
};

using CommandAction = std::function<int(const CommandContext&)>;

/// A subcommand and what to call when it was chosen.
struct Command {
  CLI::App* app = nullptr;
  CommandAction action;
};

/// Options of all commands that take a recipe.
struct RecipeArguments {
  std::string file;
  std::vector<std::string> sets;
  std::vector<Override> overrides() const;
};
void add_recipe_arguments(CLI::App& app, RecipeArguments& arguments, const char* what = "RECIPE");

Command add_run(CLI::App& app);
Command add_prepare(CLI::App& app);
Command add_train(CLI::App& app);
Command add_generate(CLI::App& app);
Command add_score(CLI::App& app);
Command add_match(CLI::App& app);
Command add_eval(CLI::App& app);
Command add_convert(CLI::App& app);
Command add_tokenizer(CLI::App& app);
Command add_logits(CLI::App& app);
Command add_inspect(CLI::App& app);
Command add_chat(CLI::App& app);
Command add_report(CLI::App& app);
Command add_plan(CLI::App& app);
Command add_check(CLI::App& app);
Command add_evaluate(CLI::App& app);

}  // namespace anneal
