// Lattices as 3 x 3 matrices (rows a, b, c, Angstrom): reductions and mappings onto each other as
// pymatgen's Lattice does them, because the answer of its StructureMatcher depends on them.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "cif/crystal.h"

namespace anneal {

using Vector3 = std::array<double, 3>;

double dot(const Vector3& u, const Vector3& v);
double length(const Vector3& v);
/// Row vector times matrix: fractional to Cartesian coordinates.
Vector3 times(const Vector3& row, const CellMatrix& matrix);
CellMatrix times(const CellMatrix& left, const CellMatrix& right);
double determinant(const CellMatrix& matrix);
/// Inverse; Cartesian to fractional coordinates. Not finite for a flat lattice.
CellMatrix inverse(const CellMatrix& matrix);
/// Lengths and angles of a lattice.
UnitCell cell_of(const CellMatrix& lattice);
/// Distances between neighbouring lattice planes (100), (010), (001), Angstrom: the inverse lengths
/// of the reciprocal vectors.
Vector3 plane_distances(const CellMatrix& lattice);

/// Lenstra-Lenstra-Lovasz reduction (delta 0.75).
CellMatrix lll_reduced(const CellMatrix& lattice);

/// Niggli-reduced lattice, as vectors of the lattice given (no rotation): Grosse-Kunstleve, Sauter
/// and Adams, Acta Cryst. A60 (2004) 1, with the tolerance 1e-5 V^(1/3). Where rounding keeps the
/// reduction from an end, the LLL-reduced lattice.
CellMatrix niggli_reduced(const CellMatrix& lattice);

/// A choice of three vectors of a lattice that looks like a target cell.
struct LatticeMapping {
  CellMatrix vectors;
  double scale = 1;  ///< determinant of the integer matrix from the lattice to `vectors`
};

/// All choices of three independent vectors of `lattice` whose lengths are within a factor
/// 1 + `length_tolerance` of the target's and whose angles are within `angle_tolerance_deg`, in
/// pymatgen's order (it decides which of several equal cells a reduction gives). At most `limit`.
/// Nothing for lattices so flat that the sphere holds more than two million points.
std::vector<LatticeMapping> lattice_mappings(const CellMatrix& lattice, const UnitCell& target,
                                             double length_tolerance, double angle_tolerance_deg,
                                             std::size_t limit = 1'000'000);

}  // namespace anneal
