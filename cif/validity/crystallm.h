// The validity of CrystaLLM (Antunes, Butler, Grau-Crespo, Nat. Commun. 15, 10570, 2024;
// crystallm/_metrics.py): does a CIF agree with itself, and are its bonds of usual length?
#pragma once

#include <optional>

#include "cif/crystal.h"
#include "cif/stated_facts.h"
#include "cif/symmetry/space_group.h"

namespace anneal {

/// data_ name, _chemical_formula_sum and _chemical_formula_structural have one reduced formula.
/// False where one is missing.
bool formula_consistent(const StatedFacts& stated);

/// The stated multiplicities of each element add up to _chemical_formula_sum.
bool multiplicity_consistent(const StatedFacts& stated);

/// Whether the stated space group is the one found within 0.1 A. By its number: "P 1" is "P1", and
/// any setting will do (the reference compares the symbols letter by letter).
bool space_group_consistent(const StatedFacts& stated, const std::optional<SpaceGroup>& found);

/// The fraction of CrystalNN's bonds whose length is within 32 % of the sum of atomic radii (of the
/// ionic ones where electronegativities differ by 1.7 or more); bonds of hydrogen: below 2.5 times
/// that sum. As in the reference, a bond's length is the shortest distance of its two sites, and
/// bonds of a site with its own images do not count. Nothing where there are no bonds, CrystalNN
/// fails, or an element has no radius: the reference raises an exception, which counts as invalid.
std::optional<double> bond_length_score(const Crystal& crystal);

/// Lengths 0.5..1000 A, angles 10..170 degrees (`is_sensible`).
bool sensible_cell(const UnitCell& cell);

}  // namespace anneal
