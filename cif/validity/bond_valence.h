// Oxidation states of the sites by the bond-valence method: pymatgen's BVAnalyzer (Ong et al. 2013;
// parameters of O'Keeffe and Brese, JACS 113, 3226, 1991).
#pragma once

#include <optional>
#include <vector>

#include "cif/crystal.h"
#include "cif/symmetry/space_group.h"

namespace anneal {

/// A state for each site, the most probable set that is neutral and in which an element's states
/// differ by at most 1; nothing if there is none (or none among the first 100,000 tried, or an
/// element has no parameters). Distances within 4 A, scaled by 1.015 as computed ones are. `group`
/// (symprec 0.1) gives the equivalent sites; without it every site is on its own.
std::optional<std::vector<int>> bond_valence_states(const Crystal& crystal,
                                                    const SpaceGroup* group);

}  // namespace anneal
