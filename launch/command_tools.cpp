// anneal tokenizer, logits, chat: small tools around a tokenizer or a model.
#include <iostream>
#include <memory>

#include <fmt/format.h>  // for join
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "data/chat_format.h"
#include "data/source.h"
#include "data/tokenizer.h"
#include "data/tokenizer_training.h"
#include "launch/command.h"
#include "launch/generation_model.h"
#include "launch/option_checks.h"
#include "trainer/weight_source.h"

namespace anneal {

namespace {

/// A tokenizer file, a folder, or a model of any kind that has one beside it.
Tokenizer tokenizer_of(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored) && tokenizer_file(path).empty()) {
    const WeightSource source = open_weights(path);
    if (!source.tokenizer.empty()) return Tokenizer::load(source.tokenizer);
  }
  return Tokenizer::load(path);
}

std::vector<TokenId> parse_ids(const std::string& text) {
  std::vector<TokenId> ids;
  std::string spaced = text;
  for (char& c : spaced) {
    if (c == ',' || c == '\t') c = ' ';
  }
  for (const auto piece : split(spaced, ' ')) {
    if (piece.empty()) continue;
    try {
      std::size_t used = 0;
      ids.push_back(std::stoi(std::string(piece), &used));
      if (used != piece.size()) throw std::invalid_argument("");
    } catch (const std::exception&) {
      throw UsageError(fmt::format("'{}' is not a token id", piece), "ids look like 1,2,3");
    }
  }
  return ids;
}

}  // namespace

Command add_tokenizer(CLI::App& app) {
  auto* command = app.add_subcommand("tokenizer", "Train a SentencePiece tokenizer; encode and decode text with any");
  command->require_subcommand(1);
  command->footer("Examples:\n"
                  "  anneal tokenizer train RECIPE\n"
                  "  echo 'LiFePO4 is a cathode.' | anneal tokenizer encode --model runs/quickstart/cpt\n"
                  "  echo '5 17 203' | anneal tokenizer decode --model tokenizer.model\n\n"
                  "Read are SentencePiece and tiktoken .model files, tokenizer.json of type BPE, and llama2.c .bin.");
  auto* train = command->add_subcommand("train", "A SentencePiece model on the sources of a recipe; writes <run.dir>/tokenizer.model");
  auto* encode = command->add_subcommand("encode", "Text on standard input to ids, one line a line, no special tokens added");
  auto* decode = command->add_subcommand("decode", "Ids on standard input to text, one line a line");
  auto arguments = std::make_shared<RecipeArguments>();
  add_recipe_arguments(*train, *arguments);
  auto model = std::make_shared<std::string>();
  for (auto* sub : {encode, decode}) {
    sub->add_option("--model", *model, "Tokenizer file (.model, tokenizer.json, .bin) or a folder with one: a model, a run, shards")->required();
  }
  return {command, [=](const CommandContext& context) {
            if (!context.group().is_root()) return 0;
            if (train->parsed()) {
              const Recipe recipe = load_recipe(arguments->file, arguments->overrides());
              const auto file = std::filesystem::path(recipe.run.dir) / "tokenizer.model";
              make_folders(recipe.run.dir);
              const Tokenizer tokenizer = train_tokenizer(recipe, file, context.log);
              context.log.info("{}: {} pieces", file.string(), tokenizer.vocab_size());
              return 0;
            }
            const Tokenizer tokenizer = tokenizer_of(*model);
            if (!tokenizer.note().empty()) context.log.warn("{}", tokenizer.note());
            std::string line;
            std::int64_t number = 0;
            while (std::getline(std::cin, line)) {
              ++number;
              if (decode->parsed()) {
                fmt::print("{}\n", tokenizer.decode(parse_ids(line)));
                continue;
              }
              if (const auto at = first_invalid_utf8(line)) {
                throw DataError(fmt::format("standard input:{}: byte {} is not valid UTF-8", number, *at));
              }
              fmt::print("{}\n", fmt::join(tokenizer.encode(line), " "));
            }
            return 0;
          }};
}

Command add_logits(CLI::App& app) {
  auto* command = app.add_subcommand("logits", "Logits after a sequence of ids, or its mean negative log-likelihood, as JSON");
  command->footer("Example: anneal logits --model my_llama --ids 1,2,3");
  auto model = std::make_shared<std::string>();
  auto ids = std::make_shared<std::string>();
  auto nll = std::make_shared<bool>(false);
  command->add_option("--model", *model, "Model")->required();
  command->add_option("--ids", *ids, "Token ids, exactly these")->required();
  command->add_flag("--nll", *nll, "Mean negative log-likelihood of ids 2..n instead");
  return {command, [=](const CommandContext& context) {
            if (!context.group().is_root()) return 0;
            const WeightSource source = open_weights(*model);
            Decoder decoder(source.shape(), [&](const std::string& name) { return source.tensor(name); });
            const auto tokens = parse_ids(*ids);
            if (tokens.empty()) throw UsageError("--ids holds no token id", "ids look like 1,2,3");
            nlohmann::json result;
            if (*nll) {
              result["nll"] = decoder.mean_nll(tokens);
            } else {
              decoder.allocate(1, std::max<std::int64_t>(1, static_cast<std::int64_t>(tokens.size())));
              const at::Tensor logits = decoder.prefill(0, tokens).contiguous();
              result["logits"] = std::vector<float>(logits.const_data_ptr<float>(),
                                                    logits.const_data_ptr<float>() + logits.numel());
            }
            fmt::print("{}\n", result.dump());
            return 0;
          }};
}

Command add_chat(CLI::App& app) {
  auto* command = app.add_subcommand("chat", "Questions and answers in the terminal, each question for itself (end with an empty line or Ctrl-D)");
  command->footer("Example: anneal chat --model runs/quickstart/chat");
  auto model = std::make_shared<std::string>();
  auto adapter = std::make_shared<std::string>();
  auto system = std::make_shared<std::string>("You answer questions about materials.");
  auto temperature = std::make_shared<double>(0.2);
  command->add_option("--model", *model, "Model")->required();
  command->add_option("--adapter", *adapter, "LoRA adapter folder laid over the model");
  command->add_option("--system", *system, "System message");
  command->add_option("--temperature", *temperature, "0: greedy")->check(at_least(0));
  return {command, [=](const CommandContext& context) {
            if (!context.group().is_root()) return 0;
            const WeightSource source = adapter->empty() ? open_weights(*model)
                                                         : open_weights_with_adapter(*model, *adapter);
            const Tokenizer tokenizer = tokenizer_of(source.tokenizer.empty() ? *model : source.tokenizer.string());
            Decoder decoder(source.shape(), [&](const std::string& name) { return source.tensor(name); });
            GenerationOptions options{.sampling = {.temperature = *temperature, .top_p = 0.9},
                                      .max_tokens = 400,
                                      .batch = 1,
                                      .end_ids = default_end_ids(tokenizer),
                                      .end_text = default_end_text(tokenizer)};
            std::string question;
            while (fmt::print("> "), std::fflush(stdout), std::getline(std::cin, question)) {
              if (trim(question).empty()) break;
              const std::vector<std::string> prompts{chat_prompt(*system, question)};
              generate(decoder, tokenizer, prompts, 0, 1, options, [](const Sample& sample) {
                fmt::print("{}\n", trim(sample.text));
              });
              ++options.seed;
            }
            if (!std::cin) fmt::print("\n");  // Ctrl-D leaves the cursor behind the prompt
            return 0;
          }};
}

}  // namespace anneal
