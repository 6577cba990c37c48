// Every neighbour j in turn is put to the north pole, and every other neighbour k on the prime
// meridian; the rest, m, are then looked at in polar angle and azimuth. Cosines of multiples of the
// azimuth are Chebyshev polynomials of its cosine, so no trigonometric call stands in the innermost
// loop.
#include "cif/fingerprint/order_parameters.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "cif/cartesian.h"

namespace anneal {
namespace {

constexpr double kPi = std::numbers::pi;

double gauss(double x) { return std::exp(-0.5 * x * x); }

/// cos(fold * phi) from c = cos(phi).
double chebyshev(int fold, double c) {
  double before = 1, now = c;
  for (int k = 1; k < fold; ++k) {
    const double next = 2 * c * now - before;
    before = now;
    now = next;
  }
  return now;
}

/// Legendre polynomial of degree 2, 4 or 6.
double legendre(int l, double x) {
  const double y = x * x;
  if (l == 2) return 1.5 * y - 0.5;
  if (l == 4) return (35 * y * y - 30 * y + 3) / 8;
  return (231 * y * y * y - 315 * y * y + 105 * y - 5) / 16;
}

}  // namespace

/// Motifs that one axis and a regular arrangement about it describe; the best axis counts.
struct NeighborAngles::AxialMotif {
  enum class Polar { kAngle, kPentagon, kBesideEquator } polar = Polar::kAngle;
  double target = 0.5;        ///< polar angle of the neighbours that are not poles, in half turns
  double inverse_width = 1;   ///< of the Gaussian about it
  int twice_fold = 2;         ///< the azimuth counts as cos^2(twice_fold / 2 * phi)
  double south_from = 10;     ///< radians: a neighbour beyond is taken for the south pole
  double south_inverse_width = 0;
  double azimuth_below = 10;  ///< radians: only such azimuths count
};

NeighborAngles::NeighborAngles(std::span<const Cartesian> offsets)
    : n_(static_cast<int>(std::min<std::size_t>(offsets.size(), kMost))) {
  Cartesian unit[kMost];
  for (int j = 0; j < n_; ++j) {
    const double length = std::sqrt(dot(offsets[j], offsets[j]));
    unit[j] = {offsets[j].x / length, offsets[j].y / length, offsets[j].z / length};
  }
  for (int j = 0; j < n_; ++j) {
    for (int m = 0; m < n_; ++m) {
      const double c = dot(unit[j], unit[m]);
      cosine_[j][m] = std::clamp(c, -1.0, 1.0);
      angle_[j][m] = std::acos(cosine_[j][m]);
      const Cartesian part = {unit[m].x - c * unit[j].x, unit[m].y - c * unit[j].y,
                              unit[m].z - c * unit[j].z};
      const double length = std::sqrt(dot(part, part));
      on_axis_[j][m] = length < 1e-12;  // the reference's bound
      across_[j][m] = on_axis_[j][m]
                          ? Cartesian{}
                          : Cartesian{part.x / length, part.y / length, part.z / length};
    }
  }
}

double NeighborAngles::azimuth_cosine(int j, int k, int m) const {
  return std::clamp(dot(across_[j][k], across_[j][m]), -1.0, 1.0);
}

double NeighborAngles::bent(double target, double inverse_width) const {
  double sum = 0;
  for (int j = 0; j < n_; ++j) {
    for (int k = 0; k < n_; ++k) {
      if (k != j) sum += gauss(inverse_width * (angle_[j][k] / kPi - target));
    }
  }
  return n_ > 1 ? sum / (n_ * (n_ - 1)) : 0;
}

double NeighborAngles::axial(const AxialMotif& motif) const {
  const auto polar_term = [&](double theta) {
    const double turn = theta / kPi;
    switch (motif.polar) {
      case AxialMotif::Polar::kPentagon:
        return gauss(motif.inverse_width * (turn - (theta <= 0.6 * kPi ? 0.4 : 0.8)));
      case AxialMotif::Polar::kBesideEquator:
        return gauss(motif.inverse_width * (std::abs(turn - 0.5) - motif.target));
      default:
        return gauss(motif.inverse_width * (turn - motif.target));
    }
  };
  const double azimuth_cosine_from = std::cos(std::min(motif.azimuth_below, kPi));
  const bool all_azimuths = motif.azimuth_below > kPi;
  double best = 0;
  for (int j = 0; j < n_; ++j) {
    double polar[kMost], south[kMost];
    bool is_south[kMost];
    for (int m = 0; m < n_; ++m) {
      is_south[m] = angle_[j][m] >= motif.south_from;
      polar[m] = polar_term(angle_[j][m]);
      south[m] =
          is_south[m] ? gauss(motif.south_inverse_width * (angle_[j][m] / kPi - 1)) : 0;
    }
    for (int k = 0; k < n_; ++k) {
      if (k == j) continue;
      double sum = 0;
      int terms = 0;
      if (!is_south[k]) {
        sum += polar[k];
        ++terms;
      }
      if (!on_axis_[j][k]) {
        for (int m = 0; m < n_; ++m) {
          if (m == j || m == k) continue;
          if (is_south[m]) {
            sum += south[m];
            ++terms;
          } else if (!is_south[k] && !on_axis_[j][m]) {
            const double c = azimuth_cosine(j, k, m);
            if (!all_azimuths && c <= azimuth_cosine_from) continue;
            sum += polar[m] * 0.5 * (1 + chebyshev(motif.twice_fold, c));
            ++terms;
          }
        }
      }
      if (terms > 0) best = std::max(best, sum / terms);
    }
  }
  return best;
}

double NeighborAngles::body_centered() const {
  constexpr double kSouthFrom = 2.5261129449194057;
  const double width = std::asin(1.0 / 3);
  double sum = 0;
  for (int j = 0; j < n_; ++j) {
    for (int k = j + 1; k < n_; ++k) {  // the reference counts a pair once, in its order
      if (angle_[j][k] >= kSouthFrom) {
        sum += 6 * gauss(15 * (angle_[j][k] / kPi - 1));
        continue;
      }
      if (on_axis_[j][k]) continue;
      const double sign = angle_[j][k] > kPi / 2 ? 1 : -1;
      for (int m = 0; m < n_; ++m) {
        if (m == j || m == k || on_axis_[j][m]) continue;
        const double t = (angle_[j][m] - kPi / 2) / width;
        sum += sign * chebyshev(3, azimuth_cosine(j, k, m)) * t * std::exp(0.5 - 0.5 * t * t);
      }
    }
  }
  return n_ > 3 ? sum / (0.5 * n_ * (6 + (n_ - 2) * (n_ - 3))) : 0;
}

double NeighborAngles::cuboctahedral() const {
  constexpr double kSouthFrom = 2.792526803190927, kSouthWeight = 1.8;
  constexpr double kNorth = 1.3089969389957472, kSouth = 1.8325957145940461;  // 75, 105 degrees
  double best = 0;
  for (int j = 0; j < n_; ++j) {
    double polar[kMost];
    for (int m = 0; m < n_; ++m) {
      const double turn = angle_[j][m] / kPi;
      if (angle_[j][m] < kNorth) {
        polar[m] = gauss(31.25 * (turn - 1.0 / 3));
      } else if (angle_[j][m] > kSouth) {
        polar[m] = gauss(31.25 * (turn - 2.0 / 3));
      } else {
        polar[m] = gauss(25.5 * (turn - 0.5));
      }
    }
    for (int k = 0; k < n_; ++k) {
      if (k == j) continue;
      double sum = 0, weights = 0;
      if (angle_[j][k] >= kSouthFrom) {
        sum += kSouthWeight * gauss(28.75 * (angle_[j][k] / kPi - 1));
        weights += kSouthWeight;
      }
      if (angle_[j][k] > kNorth && angle_[j][k] < kSouth && !on_axis_[j][k]) {
        for (int m = 0; m < n_; ++m) {
          if (m == j || m == k || on_axis_[j][m] || angle_[j][m] >= kSouthFrom) continue;
          const double c = azimuth_cosine(j, k, m);
          if (angle_[j][m] > kNorth && angle_[j][m] < kSouth) {
            sum += c * c * polar[m];
          } else {
            sum += gauss(0.0556 * (std::sqrt(1 - c * c) - 0.81649658)) * polar[m];
          }
          weights += 1;
        }
      }
      if (weights > 0) best = std::max(best, sum / weights);
    }
  }
  return best;
}

double NeighborAngles::bond_orientation(int l) const {
  // Steinhardt's q_l: by the addition theorem, the sum over m of |Y_lm|^2 is one over pairs
  double sum = 0;
  for (int j = 0; j < n_; ++j) {
    for (int k = 0; k < n_; ++k) sum += legendre(l, j == k ? 1 : cosine_[j][k]);
  }
  return n_ > 0 ? std::sqrt(std::max(0.0, sum)) / n_ : 0;
}

double NeighborAngles::order(Motif motif) const {
  using Polar = AxialMotif::Polar;
  constexpr double k135 = 2.356194490192345, k150 = 2.6179938779914944;  // degrees, in radians
  constexpr double kTetrahedral = 0.6081734479693927;                    // half turns
  switch (motif) {
    case Motif::kSingleBond: {
      return n_ == 1 ? 1 : 0;
    }
    case Motif::kBent90:
      return bent(0.5, 15.15);
    case Motif::kBent105:
      return bent(0.5802777777777778, 13.95);
    case Motif::kBent120:
      return bent(0.666666666667, 13.25);
    case Motif::kBent150:
      return bent(0.833333333333333, 12.45);
    case Motif::kLinear:
      return bent(1, 8.667);
    case Motif::kTrigonalPlanar:
      return axial({.target = 0.66666666667, .inverse_width = 17.5, .twice_fold = 2});
    case Motif::kTrigonalNonCoplanar:
      return axial({.target = kTetrahedral, .inverse_width = 18.33, .twice_fold = 3});
    case Motif::kTetrahedral:
      return axial({.target = kTetrahedral, .inverse_width = 18.5, .twice_fold = 3});
    case Motif::kPentagonalPlanar:
      return axial({.polar = Polar::kPentagon, .inverse_width = 19.333, .twice_fold = 2});
    case Motif::kTShaped:
      return axial({.inverse_width = 15.5, .twice_fold = 2});
    case Motif::kTrigonalPyramidal:
      return axial({.inverse_width = 15.5, .twice_fold = 3});
    case Motif::kSquarePyramidal:
      return axial({.inverse_width = 14.9, .twice_fold = 4});
    case Motif::kPentagonalPyramidal:
      return axial({.inverse_width = 13.8, .twice_fold = 5});
    case Motif::kHexagonalPyramidal:
      return axial({.inverse_width = 12.5, .twice_fold = 6});
    case Motif::kSquarePlanar:
      return axial({.inverse_width = 17.7,
                    .twice_fold = 2,
                    .south_from = k135,
                    .south_inverse_width = 13.5});
    case Motif::kRectangularSeeSaw:
      return axial({.inverse_width = 27,
                    .twice_fold = 4,
                    .south_from = k135,
                    .south_inverse_width = 11.5,
                    .azimuth_below = 0.75 * kPi});
    case Motif::kSeeSaw:
      return axial({.inverse_width = 15.75,
                    .twice_fold = 3,
                    .south_from = k135,
                    .south_inverse_width = 12.75});
    case Motif::kTrigonalBipyramidal:
      return axial({.inverse_width = 16.6,
                    .twice_fold = 3,
                    .south_from = k135,
                    .south_inverse_width = 12});
    case Motif::kOctahedral:
      return axial({.inverse_width = 18,
                    .twice_fold = 4,
                    .south_from = k135,
                    .south_inverse_width = 15});
    case Motif::kPentagonalBipyramidal:
      return axial({.inverse_width = 14.75,
                    .twice_fold = 5,
                    .south_from = k135,
                    .south_inverse_width = 12.5});
    case Motif::kHexagonalBipyramidal:
      return axial({.inverse_width = 13.6,
                    .twice_fold = 6,
                    .south_from = k135,
                    .south_inverse_width = 14.1});
    case Motif::kHexagonalPlanar:
      return axial({.polar = Polar::kBesideEquator,
                    .target = 0.16666667,
                    .inverse_width = 25,
                    .twice_fold = 2,
                    .south_from = k150,
                    .south_inverse_width = 7.5});
    case Motif::kBodyCenteredCubic:
      return body_centered();
    case Motif::kCuboctahedral:
      return cuboctahedral();
    case Motif::kQ2:
      return bond_orientation(2);
    case Motif::kQ4:
      return bond_orientation(4);
    case Motif::kQ6:
      return bond_orientation(6);
  }
  return 0;
}

}  // namespace anneal
