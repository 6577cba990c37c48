// The same crystal in another cell: conventional, primitive or Niggli-reduced.
#pragma once

#include <optional>

#include "cif/symmetry/space_group.h"

namespace anneal {

/// spglib's standard primitive cell, idealised. Nothing where `find_space_group` finds nothing. Its
/// Niggli cell is pymatgen's `SpacegroupAnalyzer.find_primitive`.
std::optional<Crystal> primitive_cell(const Crystal& crystal,
                                      double precision_a = kSymmetryPrecision);

/// The same sites in the Niggli-reduced cell of their lattice (`niggli_reduced`,
/// cif/match/lattice.h): pymatgen's `get_reduced_structure("niggli")`. Nothing for lattices so flat
/// that numbers overflow.
std::optional<Crystal> niggli_cell(const Crystal& crystal);

}  // namespace anneal
