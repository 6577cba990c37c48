// The validity of LeMat-GenBench (LeMaterial 2025, metrics/validity_metrics.py of the benchmark as
// its leaderboard runs it): charge neutrality, shortest distances by atomic radii, plausibility.
#pragma once

#include "cif/crystal.h"
#include "cif/symmetry/space_group.h"

namespace anneal {

/// No two sites (images included, a site's own not) closer than half of 0.7 A plus their atomic
/// radii (Slater's, 1 A where there is none).
bool lemat_distances_valid(const Crystal& crystal);

/// Mass density 0.01..25 g/cm^3, 1e-5..0.5 atoms/A^3, cell lengths 1..100 A, volume above 1 A^3,
/// and a space group is found (symprec 0.01).
bool lemat_plausible(const Crystal& crystal);

/// What settles the charge.
enum class ChargeBalance {
  kMetallic,     ///< SMACT 3.2.0's metallicity score above 0.7
  kNoBonds,      ///< the nearest neighbours of no site make a polar bond: bond valences of 0
  kBondValence,  ///< states assigned by bond valences (bond_valence.h) that add up to 0
  kComposition,  ///< states of the elements, at most two neighbouring ones each, that add up to 0
  kNone,         ///< not neutral
};

/// The benchmark's chain, with one difference: its last step looks states up in a table made from
/// LeMat-Bulk and the ICSD that is not published with the code; here they are those of the ICSD in
/// pymatgen, else the common ones. `group`: of symprec 0.1; where none
/// is found (null) the two steps that need it fail, as in the benchmark.
ChargeBalance lemat_charge_balance(const Crystal& crystal, const SpaceGroup* group);

/// SMACT 3.2.0's `metallicity_score`, 0..1.
double metallicity_score(const Composition& composition);

}  // namespace anneal
