// Local structure order parameters (Zimmermann et al., Front. Mater. 4, 34, 2017; RSC Adv. 10, 6063,
// 2020): how much the directions to the neighbours of a site look like a motif, 0 to about 1.
// As pymatgen's LocalStructOrderParams computes them, with the parameters that CrystalNNFingerprint
// uses.
#pragma once

#include <span>

#include "cif/crystal.h"

namespace anneal {

enum class Motif {
  kSingleBond,
  kBent90,   // L-shaped
  kBent105,  // water-like
  kBent120,
  kBent150,
  kLinear,
  kTrigonalPlanar,
  kTrigonalNonCoplanar,
  kTShaped,
  kSquarePlanar,
  kTetrahedral,
  kRectangularSeeSaw,
  kSeeSaw,
  kTrigonalPyramidal,
  kPentagonalPlanar,
  kSquarePyramidal,
  kTrigonalBipyramidal,
  kHexagonalPlanar,
  kOctahedral,
  kPentagonalPyramidal,
  kHexagonalPyramidal,
  kPentagonalBipyramidal,
  kBodyCenteredCubic,
  kHexagonalBipyramidal,
  kQ2,
  kQ4,
  kQ6,
  kCuboctahedral,
};

/// Directions to the neighbours of one site and the angles among them, shared by all order
/// parameters of this number of neighbours.
class NeighborAngles {
 public:
  static constexpr int kMost = 12;
  /// At most kMost offsets from the site, none of length 0.
  explicit NeighborAngles(std::span<const Cartesian> offsets);
  /// The order parameter; 0 where it has no meaning for this number of neighbours.
  double order(Motif motif) const;

 private:
  struct AxialMotif;
  double bent(double target, double inverse_width) const;
  double axial(const AxialMotif& motif) const;
  double body_centered() const;
  double cuboctahedral() const;
  double bond_orientation(int l) const;
  double azimuth_cosine(int j, int k, int m) const;

  int n_ = 0;
  double cosine_[kMost][kMost];     // of the angle between two neighbours
  double angle_[kMost][kMost];      // the angle, radians
  Cartesian across_[kMost][kMost];  // [j][m]: unit vector of m's part across j
  bool on_axis_[kMost][kMost];      // [j][m]: m lies along j or opposite, and has no such part
};

}  // namespace anneal
