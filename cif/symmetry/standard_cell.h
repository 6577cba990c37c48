// The same crystal in another cell: conventional, primitive or Niggli-reduced.
#pragma once

#include <optional>

#include "cif/symmetry/space_group.h"

namespace anneal {

/// spglib's standard primitive cell, idealised: pymatgen's `SpacegroupAnalyzer.find_primitive`.
/// Nothing where `find_space_group` finds nothing.
std::optional<Crystal> primitive_cell(const Crystal& crystal,
                                      double precision_a = kSymmetryPrecision);

/// The same sites in the Niggli-reduced cell of their lattice (spglib; Krivy and Gruber, Acta
/// Cryst. A32, 297, 1976). Nothing for lattices so flat that the reduction does not end.
std::optional<Crystal> niggli_cell(const Crystal& crystal, double precision_a = 1e-5);

}  // namespace anneal
