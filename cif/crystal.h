// Crystals as plain values: a unit cell (Angstrom, degrees) and sites in fractional coordinates.
// Cartesian axes: c along z, a in the xz plane (pymatgen's convention).
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

namespace anneal {

/// Position in units of the cell vectors.
struct Fractional {
  double x = 0, y = 0, z = 0;
  bool operator==(const Fractional&) const = default;
};

/// Position in Angstrom.
struct Cartesian {
  double x = 0, y = 0, z = 0;
  bool operator==(const Cartesian&) const = default;
};

/// The cell vectors a, b, c as rows, Angstrom.
using CellMatrix = std::array<std::array<double, 3>, 3>;

/// Lengths in Angstrom, angles in degrees (alpha between b and c, beta a and c, gamma a and b).
struct UnitCell {
  double a = 1, b = 1, c = 1;
  double alpha = 90, beta = 90, gamma = 90;

  /// All lengths within 1e-6 to 1e6 Angstrom, angles in (0, 180), and the angles close to a cell.
  bool possible() const;
  /// 1 - cos^2 - cos^2 - cos^2 + 2 cos cos cos: the squared volume of the cell with unit edges;
  /// not positive for angles that no cell has.
  double angle_determinant() const;
  /// Angstrom^3; 0 if the angles are impossible.
  double volume() const;
  /// Rows a, b, c. Only for a possible cell.
  CellMatrix matrix() const;
  bool operator==(const UnitCell&) const = default;
};

/// `position` in Cartesian coordinates of a cell's matrix.
Cartesian to_cartesian(const CellMatrix& matrix, const Fractional& position);

struct Site {
  int atomic_number = 0;  ///< 1..118
  Fractional position;
  bool operator==(const Site&) const = default;
};

/// Number of atoms by atomic number, ascending.
using Composition = std::map<int, int>;

struct Crystal {
  UnitCell cell;
  std::vector<Site> sites;

  Composition composition() const;
  /// Reduced formula as `formula(composition())`.
  std::string formula() const;
  /// g/cm^3; atomic masses of pymatgen.
  double density() const;
  bool operator==(const Crystal&) const = default;
};

/// Reduced formula in the order of pymatgen's `Composition.reduced_formula`: by electronegativity,
/// then symbol; the last two of three or more elements form a group in parentheses if their
/// electronegativities differ by less than 1.65 and they share a factor ("Li3Fe2(PO4)3"); the
/// diatomic gases and peroxides are not reduced ("O2", "Na2O2"). "" for no atoms.
std::string formula(const Composition& composition);

/// How many units of `formula(composition)` there are, at least 1.
int formula_units(const Composition& composition);

/// Counts divided by their greatest common divisor.
Composition reduced(const Composition& composition);

/// Mass in unified atomic mass units.
double mass_u(const Composition& composition);

/// Fractional coordinate moved into [0, 1).
double wrap_fraction(double x);

}  // namespace anneal
