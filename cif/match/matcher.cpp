#include "cif/match/matcher.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "cif/match/assignment.h"

namespace anneal {
namespace {

constexpr double kForbidden = 1e20;  // squared distance of a pair beyond the tolerance
constexpr double kPerfect = 1e-5;    // an rms that need not be improved (as in the reference)

double off_lattice(double x) { return std::abs(x - std::nearbyint(x)); }

bool all_within(const Vector3& difference, const Vector3& tolerance) {
  for (int k = 0; k < 3; ++k) {
    if (!(off_lattice(difference[k]) <= tolerance[k])) return false;
  }
  return true;
}

Vector3 minus(const Vector3& p, const Vector3& q) {
  return {p[0] - q[0], p[1] - q[1], p[2] - q[2]};
}

UnitCell average(const UnitCell& p, const UnitCell& q) {
  return {(p.a + q.a) / 2,         (p.b + q.b) / 2,       (p.c + q.c) / 2,
          (p.alpha + q.alpha) / 2, (p.beta + q.beta) / 2, (p.gamma + q.gamma) / 2};
}

CellMatrix scaled(CellMatrix lattice, double factor) {
  for (auto& row : lattice) {
    for (double& x : row) x *= factor;
  }
  return lattice;
}

/// The sites of both crystals by element.
struct Block {
  std::vector<int> one, other;  // indices of sites
};

/// Pairings of the sites of two crystals of equal composition under all lattices and shifts.
class Pairings {
 public:
  Pairings(const ReducedCrystal& one, const ReducedCrystal& other, const MatchOptions& options)
      : one_(one), other_(other), options_(options) {
    const double ratio = std::pow(
        std::abs(determinant(other.lattice)) / std::abs(determinant(one.lattice)), 1.0 / 6);
    one_lattice_ = scaled(one.lattice, ratio);
    other_lattice_ = scaled(other.lattice, 1 / ratio);
    for (const Vector3& p : one.positions) one_cartesian_.push_back(times(p, one_lattice_));
    for (std::size_t i = 0; i < other.size(); ++i) block_of(other.species[i]).other.push_back(i);
    for (std::size_t i = 0; i < one.size(); ++i) block_of(one.species[i]).one.push_back(i);
    // the first site of the second crystal whose element is rarest is shifted onto the first's
    pivot_ = &blocks_[0];
    for (const Block& block : blocks_) {
      if (block.other.size() < pivot_->other.size()) pivot_ = &block;
    }
  }

  /// Calls `take(largest, rms)` (units of (V / n)^(1/3)) for each pairing until it returns true.
  template <class Take>
  void each(Take take) {
    const UnitCell target = cell_of(other_lattice_);
    for (const LatticeMapping& mapping :
         lattice_mappings(one_lattice_, target, options_.length_tolerance,
                          options_.angle_tolerance_deg)) {
      if (std::abs(mapping.scale) != 1) continue;
      const UnitCell mean = average(cell_of(mapping.vectors), target);
      if (!mean.possible()) continue;
      if (pair_on(mapping.vectors, mean.matrix(), take)) return;
    }
  }

 private:
  Block& block_of(int species) {
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      if (block_species_[i] == species) return blocks_[i];
    }
    block_species_.push_back(species);
    return blocks_.emplace_back();
  }

  template <class Take>
  bool pair_on(const CellMatrix& vectors, const CellMatrix& mean, Take take) {
    const std::size_t n = one_.size();
    const CellMatrix to_fraction = inverse(vectors);
    fractions_.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
      fractions_[i] = times(one_cartesian_[i], to_fraction);
      for (double& x : fractions_[i]) x -= std::floor(x);
    }
    const double unit = std::cbrt(std::abs(determinant(mean)) / static_cast<double>(n));
    const auto tolerance = [&](const CellMatrix& lattice) {
      Vector3 planes = plane_distances(lattice);
      for (double& x : planes) x = 2 * options_.site_tolerance * unit / x;
      return planes;
    };
    const Vector3 coarse = tolerance(mean);
    const CellMatrix lll = lll_reduced(mean);
    const CellMatrix to_lll = times(mean, inverse(lll));
    const Vector3 fine = tolerance(lll);
    one_lll_.resize(n);
    other_lll_.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
      one_lll_[i] = times(fractions_[i], to_lll);
      other_lll_[i] = times(other_.positions[i], to_lll);
    }
    for (const int onto : pivot_->one) {
      const Vector3 shift = minus(fractions_[onto], other_.positions[pivot_->other[0]]);
      if (!covers(shift, coarse) || !pair(times(shift, to_lll), lll, fine)) continue;
      // the mean displacement is taken out
      Vector3 drift{};
      for (const Vector3& v : displacements_) {
        for (int k = 0; k < 3; ++k) drift[k] += v[k] / static_cast<double>(n);
      }
      double sum = 0, largest = 0;
      for (const Vector3& v : displacements_) {
        const Vector3 rest = minus(v, drift);
        const double square = dot(rest, rest);
        sum += square;
        largest = std::max(largest, square);
      }
      if (take(std::sqrt(largest) / unit, std::sqrt(sum / static_cast<double>(n)) / unit)) {
        return true;
      }
    }
    return false;
  }

  /// Whether every site of the second crystal, shifted, has some equal one of the first nearby.
  bool covers(const Vector3& shift, const Vector3& tolerance) const {
    for (const Block& block : blocks_) {
      for (const int i : block.other) {
        Vector3 p = other_.positions[i];
        for (int k = 0; k < 3; ++k) p[k] += shift[k];
        if (std::none_of(block.one.begin(), block.one.end(), [&](int j) {
              return all_within(minus(p, fractions_[j]), tolerance);
            })) {
          return false;
        }
      }
    }
    return true;
  }

  /// The cheapest pairing of all sites, its vectors into `displacements_`; false if there is none
  /// within the tolerance.
  bool pair(const Vector3& shift, const CellMatrix& lll, const Vector3& tolerance) {
    displacements_.clear();
    for (const Block& block : blocks_) {
      const std::size_t n = block.one.size();
      vectors_.assign(n * n, {});
      costs_.assign(n * n, kForbidden);
      nearest_.assign(n, -1);
      taken_.assign(n, 0);
      bool distinct = true;
      for (std::size_t i = 0; i < n; ++i) {
        Vector3 p = other_lll_[block.other[i]];
        for (int k = 0; k < 3; ++k) p[k] += shift[k];
        for (std::size_t j = 0; j < n; ++j) {
          const Vector3 d = minus(one_lll_[block.one[j]], p);
          if (!all_within(d, tolerance)) continue;
          costs_[i * n + j] = shortest(d, lll, vectors_[i * n + j]);
          if (nearest_[i] < 0 || costs_[i * n + j] < costs_[i * n + nearest_[i]]) {
            nearest_[i] = static_cast<int>(j);
          }
        }
        if (nearest_[i] < 0) return false;
        distinct &= !taken_[nearest_[i]];
        taken_[nearest_[i]] = 1;
      }
      // if the nearest are all different nothing can be cheaper
      if (!distinct) nearest_ = linear_assignment(costs_, static_cast<int>(n));
      for (std::size_t i = 0; i < n; ++i) {
        if (costs_[i * n + nearest_[i]] >= kForbidden) return false;
        displacements_.push_back(vectors_[i * n + nearest_[i]]);
      }
    }
    return true;
  }

  /// Squared length of the shortest image of a fractional difference in a reduced lattice.
  static double shortest(const Vector3& difference, const CellMatrix& lll, Vector3& vector) {
    Vector3 d;
    for (int k = 0; k < 3; ++k) d[k] = difference[k] - std::nearbyint(difference[k]);
    const Vector3 base = times(d, lll);
    double least = std::numeric_limits<double>::infinity();
    for (int i = -1; i <= 1; ++i) {
      for (int j = -1; j <= 1; ++j) {
        for (int k = -1; k <= 1; ++k) {
          Vector3 v;
          for (int x = 0; x < 3; ++x) {
            v[x] = base[x] + i * lll[0][x] + j * lll[1][x] + k * lll[2][x];
          }
          if (const double square = dot(v, v); square < least) {
            least = square;
            vector = v;
          }
        }
      }
    }
    return least;
  }

  const ReducedCrystal& one_;
  const ReducedCrystal& other_;
  const MatchOptions& options_;
  CellMatrix one_lattice_, other_lattice_;
  std::vector<int> block_species_;
  std::vector<Block> blocks_;
  const Block* pivot_ = nullptr;
  std::vector<Vector3> one_cartesian_, fractions_, one_lll_, other_lll_, displacements_, vectors_;
  std::vector<double> costs_;
  std::vector<int> nearest_;
  std::vector<char> taken_;
};

bool comparable(const ReducedCrystal& one, const ReducedCrystal& other) {
  return !one.too_large && !other.too_large && one.size() > 0 &&
         one.composition == other.composition;
}

}  // namespace

MatchResult match_crystals(const ReducedCrystal& one, const ReducedCrystal& other,
                           const MatchOptions& options) {
  MatchResult result;
  if (!comparable(one, other)) return result;
  Pairings(one, other, options).each([&](double largest, double rms) {
    result.match |= largest < options.site_tolerance;
    if (rms < options.site_tolerance && !(result.rms && *result.rms <= rms)) result.rms = rms;
    return rms < kPerfect;
  });
  return result;
}

bool same_structure(const ReducedCrystal& one, const ReducedCrystal& other,
                    const MatchOptions& options) {
  if (!comparable(one, other)) return false;
  bool same = false;
  Pairings(one, other, options).each([&](double largest, double) {
    return same = largest < options.site_tolerance;
  });
  return same;
}

}  // namespace anneal
