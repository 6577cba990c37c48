// Whether two crystals are the same structure: the StructureMatcher of pymatgen (Ong et al. 2013;
// primitive_cell, scale, no supercells, species compared exactly), by which uniqueness, novelty and
// match rates are published. Compared with pymatgen 2026.10: tests/cif/reference, docs/numerics.md.
//
// Both crystals are reduced (reduced_crystal.h) and scaled to one volume. For every choice of
// vectors of the first lattice that looks like the second (within `length_tolerance` and
// `angle_tolerance_deg`), both are put on the average lattice; for every shift of a site of the
// rarest element of the second onto one of the first, sites are paired so that the squared
// distances add up to the least, and the mean displacement is taken out. Distances are in units of
// (V / n)^(1/3).
#pragma once

#include <optional>

#include "cif/match/reduced_crystal.h"

namespace anneal {

struct MatchOptions {
  double length_tolerance = 0.2;     ///< ltol, fraction of a length
  double site_tolerance = 0.3;       ///< stol, units of (V / n)^(1/3)
  double angle_tolerance_deg = 5.0;  ///< angle_tol
};

struct MatchResult {
  /// `StructureMatcher.fit`: some pairing has its largest distance within `site_tolerance`.
  bool match = false;
  /// `StructureMatcher.get_rms_dist`: the smallest root mean square distance over all pairings, if
  /// it is within `site_tolerance` (it can be where the largest distance is not: `match` is false).
  std::optional<double> rms;
};

/// Both answers. Not symmetric in rare cases near the tolerances, as in the reference.
MatchResult match_crystals(const ReducedCrystal& one, const ReducedCrystal& other,
                           const MatchOptions& options = {});

/// `match` alone: faster, since the first good pairing ends the search.
bool same_structure(const ReducedCrystal& one, const ReducedCrystal& other,
                    const MatchOptions& options = {});

}  // namespace anneal
