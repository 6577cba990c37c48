// A model opened for sampling, and what a recipe's `generate` section asks of it.
#pragma once

#include <string>
#include <vector>

#include "data/tokenizer.h"
#include "recipes/schema.h"
#include "trainer/generate.h"
#include "trainer/model/decode.h"

namespace anneal {

struct GenerationModel {
  Tokenizer tokenizer;
  Decoder decoder;
};

/// Opens `model.from` (adapters merged, or fresh weights when `untrained`) and its tokenizer, unless
/// `tokenizer_path` names another. Throws UsageError, DataError.
GenerationModel open_generation_model(const ModelOptions& model, const std::string& tokenizer_path,
                                      std::uint64_t seed);

/// One prompt a sample: the recipe's prompt, its file of prompts (repeated up to `count`), or the
/// crystal prompt with the conditions.
std::vector<std::string> generation_prompts(const GenerateOptions& options, const Tokenizer& tokenizer);

GenerationOptions generation_options(const Recipe& recipe, const Tokenizer& tokenizer);

}  // namespace anneal
