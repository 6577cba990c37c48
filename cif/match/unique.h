// Uniqueness and novelty of sets of crystals by structure matching (matcher.h). Crystals are
// compared only within a bin of equal atoms in the primitive cell: others cannot match, so nothing
// is lost, and 10,000 x 10,000 crystals take seconds instead of 10^8 comparisons.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "cif/match/matcher.h"

namespace anneal {

/// `reduce_for_matching` of each; several threads (0: as many as processors).
std::vector<ReducedCrystal> reduce_all(std::span<const Crystal> crystals, int threads = 0);

/// For each crystal the index of the first of its structure, itself if it is that first: the groups
/// of pymatgen's `StructureMatcher.group_structures`, where a crystal joins the first group whose
/// first member it matches. Uniqueness is the number of `result[i] == i` over their number.
/// A crystal that is too large to be compared is a group of its own.
std::vector<std::size_t> structure_groups(std::span<const ReducedCrystal> crystals,
                                          const MatchOptions& options = {}, int threads = 0);

/// For each crystal the index of the first reference crystal of the same structure, or nothing: it
/// is novel.
std::vector<std::optional<std::size_t>> find_structures(std::span<const ReducedCrystal> crystals,
                                                        std::span<const ReducedCrystal> reference,
                                                        const MatchOptions& options = {},
                                                        int threads = 0);

}  // namespace anneal
