// The shortest basis of a lattice: what keeps the number of periodic images to look at small.
#pragma once

#include "cif/crystal.h"

namespace anneal {

/// A basis of the same lattice whose vectors are as short as possible (Minkowski reduction in three
/// dimensions, Semaev 2001), shortest first; rows, Angstrom. It may be left-handed.
CellMatrix reduced_basis(const CellMatrix& basis);

}  // namespace anneal
