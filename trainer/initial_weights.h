// The model that a recipe starts from: its shape, tokenizer, and what fills the weights.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "data/tokenizer.h"
#include "recipes/schema.h"
#include "trainer/sharded_model.h"
#include "trainer/weight_source.h"

namespace anneal {

struct InitialWeights {
  ModelShape shape;
  ParameterFiller base;                ///< from the source, or fresh
  std::optional<WeightSource> source;  ///< absent when from scratch
};

/// The tokenizer of a recipe: `tokenizer.path`, or the one that lies beside the weights of
/// `model.from` (run folders, adapters and llama2.c files included). Throws UsageError, DataError.
Tokenizer tokenizer_for(const Recipe& recipe);

/// Reads `model:`. A vocabulary larger than the source's adds rows that are the mean of its rows
/// (CrystalLLM's rule for added tokens). Without a tokenizer (synthetic tokens) its size is 0. Throws UsageError and DataError.
InitialWeights initial_weights(const Recipe& recipe, std::int64_t tokenizer_vocab_size);

/// Throws DataError unless the tokenizer is the one that lies beside the model's weights: they know what
/// their ids mean through it. Fresh weights know nothing yet, and a grown vocabulary is a new tokenizer on
/// purpose.
void check_tokenizer_of_model(const Recipe& recipe, const InitialWeights& start, const Tokenizer& tokenizer);

/// Fingerprint of the stored weights' content.
std::string weights_fingerprint(const WeightSource& source);

/// Floating-point operations a token costs in training: 6 a matrix weight + attention over half of
/// the row (causal), forward and backward (sharded_training.md, formulae).
double flops_per_token(const ModelShape& shape, std::int64_t sequence_length, bool frozen_base);

}  // namespace anneal
