// The graph of a crystal that CHGNet works on (Deng et al., Nature Machine Intelligence 5, 1031
// (2023)): atoms, bonds up to 6 Angstrom, and angles between bonds of up to 3 Angstrom that share
// an atom. Periodic images make several bonds between the same atoms, and bonds of an atom with
// itself.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "cif/crystal.h"

namespace anneal {

/// A crystal as the network moves it about: any cell (rows a, b, c in Angstrom), positions in its
/// units.
struct PeriodicAtoms {
  CellMatrix cell{};
  std::vector<int> atomic_numbers;
  std::vector<std::array<double, 3>> fractional;
  std::size_t size() const { return atomic_numbers.size(); }
};

PeriodicAtoms periodic_atoms(const Crystal& crystal);

/// Angstrom^3, positive whatever the handedness.
double volume_a3(const CellMatrix& cell);

struct CrystalGraph {
  struct Bond {
    int i, j;          ///< atoms
    double vector[3];  ///< from j's image to i, Angstrom
    double length;
  };
  /// An ordered pair of bonds at an atom; `sign` is 1 if the bond's i is that atom, else -1 (a bond
  /// of an atom with its own image occurs with both signs).
  struct Angle {
    int atom;
    int first, second;  ///< bonds, both short
    float first_sign, second_sign;
  };
  int num_atoms = 0;
  int num_short = 0;  ///< the first so many bonds are at most 3 Angstrom long
  std::vector<Bond> bonds;
  std::vector<Angle> angles;  ///< grouped by the first bond
  int isolated_atoms = 0;     ///< without a bond
};

inline constexpr double kBondCutoff = 6.0;   ///< Angstrom
inline constexpr double kAngleCutoff = 3.0;  ///< Angstrom
/// More bonds and angles than this are refused: the crystal is absurdly dense, or too large for the
/// memory of a workstation (about 1.5 kB for each, for each thread).
inline constexpr std::size_t kMaxGraphEdges = 1'500'000;

/// Builds the graph into `graph`, whose memory is used again. Returns "" or why there is none.
/// Exact for any cell; bonds and angles in an order that depends on the crystal only.
std::string build_graph(const PeriodicAtoms& atoms, CrystalGraph& graph);

}  // namespace anneal
