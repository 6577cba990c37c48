// What fills the blanks of the sentence frames: facts about a crystal, a pair of crystals, a band
// gap or an element, computed and put into words. A fact that does not apply is absent.
#pragma once

#include <vector>

#include "base/random.h"
#include "data/corpus_facts.h"
#include "data/corpus_frames.h"

namespace anneal {

/// About one crystal; `random` chooses which of its elements the blanks {part}, {other_part},
/// {family_element} and {state_element} speak of.
Words crystal_words(const CorpusCrystal& fact, const CorpusFacts& facts, Random& random);

/// About two crystals: those of the first, and what tells them apart.
Words comparison_words(const CorpusCrystal& first, const CorpusCrystal& second,
                       const CorpusFacts& facts, Random& random);

/// About a formula with a measured band gap.
Words gap_words(const BandGap& gap, Random& random);

/// About two of them; empty if the gaps are equal.
Words gap_pair_words(const BandGap& first, const BandGap& second);

/// About an element that occurs in the training crystals at the given places.
Words element_words(int atomic_number, const CorpusFacts& facts,
                    const std::vector<std::size_t>& crystals, Random& random);

/// "-2, +4 and +6"; "" for none.
std::string states_in_words(int atomic_number);

}  // namespace anneal
