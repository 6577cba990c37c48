// The result of a training stage, in formats that others read: a Hugging Face folder, or PEFT's
// adapter folder when the base was frozen.
#pragma once

#include <filesystem>

#include "data/tokenizer.h"
#include "parallel/group.h"
#include "trainer/initial_weights.h"
#include "trainer/run_folder.h"

namespace anneal {

/// Gathers the weights (all ranks take part), rank 0 writes. Returns <run>/model or <run>/adapter.
std::filesystem::path export_model(ShardedModel& model, const InitialWeights& start,
                                   const Tokenizer& tokenizer, const RunFolder& folder,
                                   const Group& group);

}  // namespace anneal
