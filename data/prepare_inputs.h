// What a prepared folder depends on, as one fingerprint: options, tokenizer, seed, content of inputs.
#pragma once

#include <string>
#include <vector>

#include "data/token_manifest.h"
#include "data/tokenizer.h"
#include "recipes/schema.h"

namespace anneal {

/// All files of all sources with their fingerprints; those of `known` whose size and time of change
/// are the same are not read again. Throws DataError.
std::vector<InputFile> fingerprint_inputs(const Recipe& recipe, const std::vector<InputFile>& known);

/// Fingerprint of everything that the shards follow from.
std::string options_fingerprint(const Recipe& recipe, const Tokenizer& tokenizer,
                                const std::vector<InputFile>& inputs);

}  // namespace anneal
