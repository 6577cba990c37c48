// Choosing the next token: temperature, nucleus (top-p, Holtzman et al. 2020), greedy at temperature 0.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"
#include "data/token_batch.h"

namespace anneal {

struct SamplingOptions {
  double temperature = 1.0;  ///< 0: the most likely token
  double top_p = 1.0;        ///< smallest set of tokens with at least this probability
};

/// A token out of `candidates` (all tokens if empty) by their logits. Ties at temperature 0 go to the
/// lowest id.
TokenId sample_token(std::span<const float> logits_V, std::span<const TokenId> candidates,
                     const SamplingOptions& options, Random& random);

}  // namespace anneal
