#include "launch/generation_model.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "data/chat_format.h"
#include "data/crystal_prompt.h"
#include "trainer/initial_weights.h"

namespace anneal {

GenerationModel open_generation_model(const ModelOptions& model, const std::string& tokenizer_path,
                                      std::uint64_t seed) {
  const WeightSource source = open_weights(model.from);
  if (tokenizer_path.empty() && source.tokenizer.empty()) {
    throw DataError(fmt::format("{} has no tokenizer beside the weights", model.from),
                    "name one with tokenizer.path, or put tokenizer.model or tokenizer.json into the folder");
  }
  Tokenizer tokenizer =
      Tokenizer::load(tokenizer_path.empty() ? source.tokenizer : std::filesystem::path(tokenizer_path));
  if (tokenizer.vocab_size() > source.shape().vocab_size) {
    throw DataError(fmt::format("the tokenizer has {} pieces, the model {} holds {}",
                                tokenizer.vocab_size(), model.from, source.shape().vocab_size),
                    "use the model's own tokenizer");
  }
  const ModelShape& shape = source.shape();
  if (!model.untrained) {
    Decoder decoder(shape, [&](const std::string& name) { return source.tensor(name); });
    return {std::move(tokenizer), std::move(decoder)};
  }
  ModelShape fresh_shape = shape;
  fresh_shape.init_std = model.init_std;
  const ParameterFiller filler = fresh_weights(fresh_shape, seed);
  Decoder decoder(shape, [&](const std::string& name) {
    for (const auto& spec : parameter_specs(shape)) {
      if (spec.name != name) continue;
      at::Tensor tensor = at::empty(spec.shape, at::kFloat);
      filler({.name = spec.name, .shape = spec.shape}, 0, tensor.numel(), tensor.data_ptr<float>());
      return tensor;
    }
    throw DataError("no parameter " + name);
  });
  return {std::move(tokenizer), std::move(decoder)};
}

std::vector<std::string> generation_prompts(const GenerateOptions& options, const Tokenizer&) {
  std::vector<std::string> base;
  if (!options.conditions.empty() && !(options.prompt.empty() && options.prompts.empty())) {
    throw UsageError("conditions are written into the crystal prompt, and another prompt is given",
                     "give one of the two");
  }
  if (!options.prompts.empty()) {
    const std::string text = read_file(options.prompts);
    int line = 0;
    for (const auto row : split(text, '\n')) {
      ++line;
      if (trim(row).empty()) continue;
      const auto entry = nlohmann::json::parse(row, nullptr, /*allow_exceptions=*/false);
      if (entry.is_object() && entry.contains("prompt") && entry["prompt"].is_string()) {
        base.push_back(entry["prompt"]);
      } else if (entry.is_object() && entry.contains("question") && entry["question"].is_string()) {
        base.push_back(chat_prompt(entry.value("system", ""), entry["question"]));
      } else {
        throw DataError(fmt::format("{}:{}: neither `prompt` nor `question` in: {}", options.prompts, line,
                                    row.substr(0, 80)),
                        "one JSON object a line with a text `prompt`, or `system` and `question`");
      }
    }
    if (base.empty()) throw DataError(options.prompts + " holds no prompts");
  } else if (!options.prompt.empty()) {
    base.push_back(options.prompt);
  } else if (options.what == "crystals") {
    std::vector<Condition> conditions;
    for (const auto& text : options.conditions) conditions.push_back(parse_condition(text));
    base.push_back(conditions.empty() ? unconditional_prompt() : conditional_prompt(conditions));
  } else {
    throw UsageError("generate.what is text, but there is no prompt",
                     "give generate.prompt or generate.prompts");
  }
  std::vector<std::string> prompts;
  for (std::int64_t i = 0; i < options.count; ++i) prompts.push_back(base[i % base.size()]);
  return prompts;
}

GenerationOptions generation_options(const Recipe& recipe, const Tokenizer& tokenizer) {
  const GenerateOptions& g = recipe.generate;
  GenerationOptions options{.sampling = {.temperature = g.temperature, .top_p = g.top_p},
                            .max_tokens = g.max_tokens,
                            .batch = g.batch,
                            .seed = static_cast<std::uint64_t>(recipe.run.seed),
                            .grammar = g.what == "crystals" && g.grammar,
                            .end_ids = default_end_ids(tokenizer),
                            .end_text = default_end_text(tokenizer)};
  options.grammar_options.min_sites = static_cast<int>(g.min_sites);
  options.grammar_options.max_sites = static_cast<int>(g.max_sites);
  options.grammar_options.max_length_a = g.max_length_a;
  return options;
}

}  // namespace anneal
