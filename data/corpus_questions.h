// Questions about the facts, with answers in a sentence, for the Chat stages.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/chat_format.h"
#include "data/corpus_facts.h"

namespace anneal {

/// A question about a training crystal, a pair of them, a band gap or an element. Question `index`
/// is a pure function of (facts, seed, index).
ChatRecord materials_question(const CorpusFacts& facts, std::uint64_t seed, std::uint64_t index);

}  // namespace anneal
