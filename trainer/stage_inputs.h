// What a training stage works on: tokenizer, token shards (prepared by rank 0), the stream of rows
// and the model to start from; checked against each other.
#pragma once

#include <optional>

#include "base/log.h"
#include "data/token_stream.h"
#include "data/tokenizer.h"
#include "parallel/group.h"
#include "recipes/schema.h"
#include "trainer/initial_weights.h"

namespace anneal {

struct StageInputs {
  std::optional<Tokenizer> tokenizer;  ///< absent for random tokens (a benchmark)
  InitialWeights start;
  std::optional<TokenStream> stream;  ///< always there after open_stage_inputs

  /// Random tokens: no tokenizer, nothing held out, no model written.
  bool synthetic() const { return !tokenizer; }
};

/// All ranks call it. Throws UsageError, DataError.
StageInputs open_stage_inputs(const Recipe& recipe, const Group& group, const Log& log);

/// Steps of the stage: `train.steps`, or so many that `train.epochs` are seen.
std::int64_t steps_of(const Recipe& recipe, const TokenStream& stream);

}  // namespace anneal
