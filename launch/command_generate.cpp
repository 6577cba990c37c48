// anneal generate: a recipe, or a model and a prompt.
#include <memory>

#include <unistd.h>

#include "base/error.h"
#include "data/crystal_prompt.h"
#include "launch/command.h"
#include "launch/generation_model.h"
#include "launch/option_checks.h"
#include "launch/stage.h"

namespace anneal {

namespace {

struct GenerateArguments {
  std::string recipe, model, tokenizer, prompt, out;
  std::vector<std::string> sets, conditions;
  std::int64_t max_tokens = 200, seed = 1, crystals = 0, min_sites = 1, max_sites = 20, batch = 64;
  double temperature = 0.9, top_p = 0.9, max_length_a = 99.9;
  bool no_grammar = false, no_bos = false;
};

/// One text, printed as it is: prompt and continuation.
int print_text(const GenerateArguments& a, const CommandContext& context) {
  if (!context.group().is_root()) return 0;
  GenerationModel model = open_generation_model({.from = a.model}, a.tokenizer, a.seed);
  GenerationOptions options{.sampling = {.temperature = a.temperature, .top_p = a.top_p},
                            .max_tokens = a.max_tokens,
                            .batch = 1,
                            .seed = static_cast<std::uint64_t>(a.seed),
                            .end_ids = default_end_ids(model.tokenizer),
                            .add_bos = !a.no_bos};
  const std::vector<std::string> prompts{a.prompt};
  generate(model.decoder, model.tokenizer, prompts, 0, 1, options, [&](const Sample& sample) {
    std::string text = a.prompt + sample.text;
    // A tokenizer that puts a space before every text would show it here as well.
    if (a.prompt.empty() && model.tokenizer.adds_space_before() && text.starts_with(" ")) text.erase(0, 1);
    std::fwrite(text.data(), 1, text.size(), stdout);
    // Piped, the text is exactly the model's; a terminal wants its line ended.
    if (::isatty(STDOUT_FILENO)) std::fputc('\n', stdout);
  });
  return 0;
}

/// Samples crystals into a folder.
int sample_crystals(const GenerateArguments& a, const CommandContext& context) {
  Recipe recipe;
  recipe.name = "crystals";
  recipe.stage = StageKind::kGenerate;
  recipe.run.seed = a.seed;
  recipe.model.from = a.model;
  recipe.tokenizer.path = a.tokenizer;
  auto& g = recipe.generate;
  g.count = a.crystals;
  g.prompt = a.prompt;
  g.conditions = a.conditions;
  g.temperature = a.temperature;
  g.top_p = a.top_p;
  g.max_tokens = a.max_tokens;
  g.grammar = !a.no_grammar;
  g.min_sites = a.min_sites;
  g.max_sites = a.max_sites;
  g.max_length_a = a.max_length_a;
  g.batch = a.batch;
  recipe.run.dir = a.out.empty() ? "runs/crystals" : a.out;
  run_stage(recipe, context, {});
  context.log.info("{}/generations.jsonl\njudge them: anneal score {}/generations.jsonl --out {}/score",
                   recipe.run.dir, recipe.run.dir, recipe.run.dir);
  return 0;
}

}  // namespace

Command add_generate(CLI::App& app) {
  auto* command = app.add_subcommand("generate", "Sample texts or crystals from a model");
  command->footer("Examples:\n"
                  "  mpirun -n 2 anneal generate recipes/quickstart/generate.yaml --set generate.count=100\n"
                  "  anneal generate --model runs/quickstart/cpt --prompt 'The band gap of' --max-tokens 60\n"
                  "  anneal generate --model runs/quickstart/cif_peft --crystals 20 --out runs/my_crystals\n"
                  "--temperature 0 is greedy.");
  auto a = std::make_shared<GenerateArguments>();
  command->add_option("RECIPE", a->recipe, "YAML file of a generate stage")->check(CLI::ExistingFile);
  command->add_option("--set", a->sets, "Change a key of the recipe")->expected(1)->take_all();
  command->add_option("--model", a->model, "Model: Hugging Face folder, run folder, adapter, llama2.c .bin");
  command->add_option("--tokenizer", a->tokenizer, "Tokenizer file (default: the model's)");
  command->add_option("--prompt", a->prompt, "Text to continue");
  auto* max_tokens = command->add_option("--max-tokens", a->max_tokens, "New tokens at most (200; crystals: 500)");
  max_tokens->check(at_least(1));
  command->add_option("--temperature", a->temperature, "0: greedy")->check(at_least(0));
  command->add_option("--top-p", a->top_p, "Nucleus")->check(CLI::Range(0.0, 1.0));
  command->add_option("--seed", a->seed, "Same seed, same samples")->check(at_least(0));
  auto* crystals = command->add_option("--crystals", a->crystals, "Sample this many crystals");
  command->add_option("--condition", a->conditions, "For crystals: 'pretty_formula: LiFeO2' (may be repeated)")->expected(1)->take_all();
  command->add_option("--min-sites", a->min_sites, "Smallest crystal the grammar allows")->check(at_least(1));
  command->add_option("--max-sites", a->max_sites, "Largest crystal the grammar allows")->check(at_least(1));
  command->add_option("--max-length", a->max_length_a, "Longest cell edge the grammar allows, Angstrom")->check(CLI::Range(1.0, 99.9));
  command->add_option("--batch", a->batch, "Crystals sampled at once")->check(at_least(1));
  command->add_option("--out", a->out, "Folder for generations.jsonl (crystals)");
  command->add_flag("--no-grammar", a->no_grammar, "Sample crystals without the grammar");
  command->add_flag("--no-bos", a->no_bos, "Do not put the begin-of-text token before the prompt");
  return {command, [=](const CommandContext& context) {
            if (!a->recipe.empty()) {
              for (const auto* option : command->get_options()) {
                const std::string name = option->get_name();
                if (option->count() == 0 || name == "RECIPE" || name == "--set" || name == "--quiet") continue;
                throw UsageError(fmt::format("{} does not go with a RECIPE", name),
                                 "change the recipe with --set, for example --set generate.temperature=0");
              }
              RecipeArguments recipe{.file = a->recipe, .sets = a->sets};
              const Recipe loaded = load_recipe(recipe.file, recipe.overrides());
              if (loaded.stage != StageKind::kGenerate) {
                throw UsageError(fmt::format("{} is a recipe of stage '{}', this command takes 'generate'",
                                             a->recipe, to_string(loaded.stage)));
              }
              run_stage(loaded, context, {});
              context.log.info("run folder: {}", loaded.run.dir);
              return 0;
            }
            if (a->model.empty()) {
              throw UsageError("neither a RECIPE nor --model is given", "anneal generate --help");
            }
            if (!a->sets.empty()) throw UsageError("--set changes a RECIPE, and none is given", "anneal generate --help");
            if (crystals->count() > 0 && a->crystals < 1) {
              throw UsageError(fmt::format("--crystals {}: at least 1 is needed", a->crystals));
            }
            if (a->min_sites > a->max_sites) {
              throw UsageError(fmt::format("--min-sites {} is more than --max-sites {}", a->min_sites, a->max_sites));
            }
            if (a->crystals > 0 && max_tokens->count() == 0) a->max_tokens = 500;  // LLaMat's
            return a->crystals > 0 ? sample_crystals(*a, context) : print_text(*a, context);
          }};
}

}  // namespace anneal
