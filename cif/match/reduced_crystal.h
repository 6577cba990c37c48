// A crystal in the cell in which structures are compared: Niggli-reduced, then primitive within a
// tolerance, as pymatgen's StructureMatcher prepares it.
#pragma once

#include <cstdint>
#include <vector>

#include "cif/match/lattice.h"

namespace anneal {

struct ReducedCrystal {
  CellMatrix lattice{};            ///< rows a, b, c, Angstrom
  std::vector<int> species;        ///< atomic number of each site
  std::vector<Vector3> positions;  ///< fractional
  Composition composition;         ///< atoms of this cell
  bool too_large = false;          ///< more than kMaxMatchSites: not reduced, matches nothing

  std::size_t size() const { return species.size(); }
};

/// Time grows with up to the fourth power of the number of sites.
inline constexpr std::size_t kMaxMatchSites = 2000;

/// Sites in order of electronegativity (as pymatgen's CIF reader sorts them), Niggli reduction, then
/// `smaller_cell` until there is none.
ReducedCrystal reduce_for_matching(const Crystal& crystal);

/// The crystal in its Niggli-reduced cell; unchanged where it is that already.
ReducedCrystal in_niggli_cell(ReducedCrystal crystal);

/// The most primitive cell that pymatgen's `get_primitive_structure` finds: translations that take
/// every site to within `tolerance_a` (Angstrom, along each axis) of an equal one; positions are
/// averaged. Reduced (Niggli) if it is smaller, unchanged if not.
ReducedCrystal in_primitive_cell(ReducedCrystal crystal, double tolerance_a = 0.25);

}  // namespace anneal
