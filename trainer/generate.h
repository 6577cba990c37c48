// Sampling texts and crystals from a model: continuous batches over a key/value cache. A sample
// depends on (seed, its index), not on which others are in its batch or on the number of ranks, up to the
// rounding of products of another size.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cif/crystal_grammar.h"
#include "data/tokenizer.h"
#include "trainer/model/decode.h"
#include "trainer/sampler.h"

namespace anneal {

struct Sample {
  std::int64_t index = 0;
  std::string prompt, text;
  bool finished = false;    ///< an end was sampled (it is not part of the text)
  std::int64_t tokens = 0;  ///< sampled, the end token included
};

struct GenerationOptions {
  SamplingOptions sampling;
  std::int64_t max_tokens = 500;
  std::int64_t batch = 64;
  std::uint64_t seed = 1;
  bool grammar = false;  ///< sample crystal strings only
  CrystalGrammarOptions grammar_options;
  std::vector<TokenId> end_ids;
  /// A sample ends too where its text ends so ("" = no such end): the end of a turn that the tokenizer
  /// has no token for. It is not part of the text. Under the grammar its first token is enough.
  std::string end_text;
  bool add_bos = true;  ///< put the tokenizer's begin-of-text token before the prompt
};

/// Samples `prompts[i]` as index `first_index + i * stride`; `done` is called for every finished sample, in the order in
/// which they finish.
void generate(Decoder& decoder, const Tokenizer& tokenizer, std::span<const std::string> prompts,
              std::int64_t first_index, std::int64_t stride, const GenerationOptions& options,
              const std::function<void(Sample)>& done);

/// End-of-text and, if the tokenizer has them, ends of a turn: <|im_end|>, LLaMA-3's <|eot_id|>.
std::vector<TokenId> default_end_ids(const Tokenizer& tokenizer);
/// "<|im_end|>" if the tokenizer has no token for it (LLaMat-3, where it is plain text), else "".
std::string default_end_text(const Tokenizer& tokenizer);

}  // namespace anneal
