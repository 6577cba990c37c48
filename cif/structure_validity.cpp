// Minimum distances under periodic boundary conditions, and structural validity.
//
// The cell vectors are reduced (each made as short as possible against the others); then for two
// sites with fractional difference f an image n lies within d only if |f_k + n_k| <= d |b_k| for
// the reciprocal vectors b_k. With the smallest distance found so far as d, the images within those
// bounds are all that can be nearer: exact for any cell; the reduction keeps them few (at most one
// step along each axis in a Minkowski-reduced basis of three dimensions).
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "cif/lattice_reduction.h"
#include "cif/match/lattice.h"  // for dot
#include "cif/validity.h"

namespace anneal {
namespace minimum_image {  // named: PairDistances::Cell, declared in the header, holds a Metric

using Vector = Vector3;

Vector cross(const Vector& u, const Vector& v) {
  return {u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
}

/// Reduced cell with everything that a distance needs.
struct Metric {
  std::array<Vector, 3> basis;       // reduced, rows
  std::array<Vector, 3> reciprocal;  // dual basis
  Vector reciprocal_length;          // 1 / distance between lattice planes

  explicit Metric(const CellMatrix& matrix) : basis(reduced_basis(matrix)) {
    const double volume = dot(basis[0], cross(basis[1], basis[2]));
    for (int k = 0; k < 3; ++k) {
      reciprocal[k] = cross(basis[(k + 1) % 3], basis[(k + 2) % 3]);
      for (double& x : reciprocal[k]) x /= volume;
      reciprocal_length[k] = std::sqrt(dot(reciprocal[k], reciprocal[k]));
    }
  }

  double square(double x, double y, double z) const {
    double sum = 0;
    for (int k = 0; k < 3; ++k) {
      const double c = x * basis[0][k] + y * basis[1][k] + z * basis[2][k];
      sum += c * c;
    }
    return sum;
  }
};

/// The smallest squared distance so far, and how far along each axis a nearer pair can lie.
class NearestPair {
 public:
  explicit NearestPair(const Metric& metric) : metric_(metric) {}
  double square() const { return square_; }

  /// Takes a pair with the fractional difference `p - q`, in all its images.
  void consider(const Vector& p, const Vector& q) {
    Vector f;
    for (int k = 0; k < 3; ++k) {
      f[k] = p[k] - q[k];
      f[k] -= std::nearbyint(f[k]);
    }
    // the image by rounding is the nearest to 0 along every axis: most pairs end here
    if (std::abs(f[0]) > reach_[0] || std::abs(f[1]) > reach_[1] || std::abs(f[2]) > reach_[2]) {
      return;
    }
    improve(metric_.square(f[0], f[1], f[2]));
    std::array<int, 3> low, high;
    // in a reduced basis the nearest image is at most one step from the one by rounding; two are
    // looked at, so that rounding errors of the reduction do not matter
    for (int k = 0; k < 3; ++k) {
      const double reach = std::min(reach_[k], 3.0);
      low[k] = std::max(-2, static_cast<int>(std::ceil(-reach - f[k])));
      high[k] = std::min(2, static_cast<int>(std::floor(reach - f[k])));
    }
    for (int i = low[0]; i <= high[0]; ++i) {
      for (int j = low[1]; j <= high[1]; ++j) {
        for (int k = low[2]; k <= high[2]; ++k) {
          if (i != 0 || j != 0 || k != 0) improve(metric_.square(f[0] + i, f[1] + j, f[2] + k));
        }
      }
    }
  }

 private:
  void improve(double square) {
    if (square >= square_) return;
    square_ = square;
    const double distance = std::sqrt(square) * (1 + 1e-12);
    for (int k = 0; k < 3; ++k) reach_[k] = distance * metric_.reciprocal_length[k];
  }
  const Metric& metric_;
  double square_ = std::numeric_limits<double>::infinity();
  Vector reach_{square_, square_, square_};
};

/// Sites in fractional coordinates of the reduced basis, in [0, 1).
std::vector<Vector> reduced_fractions(const Crystal& crystal, const CellMatrix& matrix,
                                      const Metric& metric) {
  std::vector<Vector> result;
  result.reserve(crystal.sites.size());
  for (const auto& site : crystal.sites) {
    // wrapped first: huge coordinates would lose their fraction in Cartesian space
    const Cartesian c =
        to_cartesian(matrix, {wrap_fraction(site.position.x), wrap_fraction(site.position.y),
                              wrap_fraction(site.position.z)});
    Vector f;
    for (int k = 0; k < 3; ++k) f[k] = wrap_fraction(dot(metric.reciprocal[k], {c.x, c.y, c.z}));
    result.push_back(f);
  }
  return result;
}

double all_pairs(const std::vector<Vector>& f, const Metric& metric) {
  NearestPair nearest(metric);
  for (std::size_t i = 0; i < f.size(); ++i) {
    for (std::size_t j = i + 1; j < f.size(); ++j) nearest.consider(f[i], f[j]);
  }
  return nearest.square();
}

constexpr std::size_t kCrowd = 256;  // more sites in a bin of the usual width are a cluster

/// The same for sites that crowd together somewhere: bins as narrow as the crowd needs, only those
/// with sites in them are kept. The width is a distance that two sites have, so that the nearest
/// two are in neighbouring bins; 64 sites in one bin have two at little more than half its width,
/// so that it shrinks until all bins are small.
double sparse_pairs(const std::vector<Vector>& f, const Metric& metric, double width_a) {
  std::vector<std::pair<std::uint64_t, std::uint32_t>> sites(f.size());  // bin, site
  std::array<std::int64_t, 3> bins;
  const auto key = [&](std::int64_t i, std::int64_t j, std::int64_t k) {
    return static_cast<std::uint64_t>((i * bins[1] + j) * bins[2] + k);
  };
  const auto bin_of = [&](const Vector& p, int k) {
    return std::min(bins[k] - 1, static_cast<std::int64_t>(p[k] * static_cast<double>(bins[k])));
  };
  double bound = std::numeric_limits<double>::infinity();  // squared
  while (true) {
    for (int k = 0; k < 3; ++k) {
      const double fit = 1 / (metric.reciprocal_length[k] * width_a);
      bins[k] = static_cast<std::int64_t>(std::clamp(fit, 1.0, 2e6));  // keys stay below 2^63
    }
    for (std::size_t i = 0; i < f.size(); ++i) {
      sites[i] = {key(bin_of(f[i], 0), bin_of(f[i], 1), bin_of(f[i], 2)),
                  static_cast<std::uint32_t>(i)};
    }
    std::sort(sites.begin(), sites.end());
    std::size_t fullest = 0, most = 0;
    for (std::size_t i = 0, begin = 0; i <= sites.size(); ++i) {
      if (i < sites.size() && sites[i].first == sites[begin].first) continue;
      if (i - begin > most) {
        most = i - begin;
        fullest = begin;
      }
      begin = i;
    }
    if (most <= 64) break;
    NearestPair nearest(metric);
    for (std::size_t i = fullest; i < fullest + 64; ++i) {
      for (std::size_t j = fullest; j < i; ++j) {
        nearest.consider(f[sites[i].second], f[sites[j].second]);
      }
    }
    if (nearest.square() == 0) return 0;
    const double narrower = std::sqrt(nearest.square()) * (1 + 1e-9);
    if (!(nearest.square() < bound) || !(narrower < width_a)) break;  // bins cannot get narrower
    bound = nearest.square();
    width_a = narrower;
  }

  NearestPair nearest(metric);
  for (std::size_t at = 0; at < sites.size(); ++at) {
    const Vector& p = f[sites[at].second];
    for (int x = -1; x <= 1; ++x) {
      for (int y = -1; y <= 1; ++y) {
        for (int z = -1; z <= 1; ++z) {
          const auto wrapped = [&](int k, int d) { return (bin_of(p, k) + d + bins[k]) % bins[k]; };
          const auto there = key(wrapped(0, x), wrapped(1, y), wrapped(2, z));
          auto other = std::lower_bound(sites.begin(), sites.end(), std::pair(there, 0U));
          for (; other != sites.end() && other->first == there; ++other) {
            if (other->second > sites[at].second) nearest.consider(p, f[other->second]);
          }
          if (nearest.square() == 0) return 0;
        }
      }
    }
  }
  return std::min(bound, nearest.square());
}

/// Pairs in neighbouring bins only; bins are at least `width_a` wide, so that every pair closer
/// than that is seen. Infinity if there is none.
double binned_pairs(const std::vector<Vector>& f, const Metric& metric, double width_a) {
  std::array<int, 3> bins;
  for (int k = 0; k < 3; ++k) {
    const double fit = 1 / (metric.reciprocal_length[k] * width_a);
    bins[k] = static_cast<int>(std::clamp(fit, 1.0, 1000.0));
  }
  const auto bin_of = [&](const Vector& p, int k) {
    return std::min(bins[k] - 1, static_cast<int>(p[k] * bins[k]));
  };
  const std::size_t total = static_cast<std::size_t>(bins[0]) * bins[1] * bins[2];
  if (total > 8 * f.size() + 64) return sparse_pairs(f, metric, width_a);  // crowded in a corner
  const auto index = [&](int i, int j, int k) {
    return (static_cast<std::size_t>(i) * bins[1] + j) * bins[2] + k;
  };
  // counting sort of the sites by bin
  std::vector<std::uint32_t> start(total + 1), order(f.size());
  std::vector<std::size_t> bin(f.size());
  for (std::size_t i = 0; i < f.size(); ++i) {
    bin[i] = index(bin_of(f[i], 0), bin_of(f[i], 1), bin_of(f[i], 2));
    ++start[bin[i] + 1];
  }
  for (std::size_t b = 0; b < total; ++b) start[b + 1] += start[b];
  for (std::size_t b = 0; b < total; ++b) {
    if (start[b + 1] - start[b] > kCrowd) return sparse_pairs(f, metric, width_a);
  }
  auto next = start;
  for (std::size_t i = 0; i < f.size(); ++i) order[next[bin[i]]++] = static_cast<std::uint32_t>(i);

  NearestPair nearest(metric);
  for (std::size_t i = 0; i < f.size(); ++i) {
    std::array<std::array<int, 3>, 3> near;  // distinct neighbouring bins along each axis
    std::array<int, 3> count{};
    for (int k = 0; k < 3; ++k) {
      for (int d = -1; d <= 1; ++d) {
        const int b = (bin_of(f[i], k) + d + bins[k]) % bins[k];
        if (std::find(near[k].begin(), near[k].begin() + count[k], b) ==
            near[k].begin() + count[k]) {
          near[k][count[k]++] = b;
        }
      }
    }
    for (int x = 0; x < count[0]; ++x) {
      for (int y = 0; y < count[1]; ++y) {
        for (int z = 0; z < count[2]; ++z) {
          const std::size_t b = index(near[0][x], near[1][y], near[2][z]);
          for (std::uint32_t at = start[b]; at < start[b + 1]; ++at) {
            const std::size_t j = order[at];
            if (j > i) nearest.consider(f[i], f[j]);
          }
          if (nearest.square() == 0) return 0;  // many sites at one place would make this quadratic
        }
      }
    }
  }
  return nearest.square();
}

}  // namespace minimum_image

using namespace minimum_image;

std::optional<double> minimum_distance(const Crystal& crystal) {
  const std::size_t n = crystal.sites.size();
  if (n < 2) return std::nullopt;
  const CellMatrix matrix = crystal.cell.matrix();
  const Metric metric(matrix);
  const auto f = reduced_fractions(crystal, matrix, metric);
  if (n <= 64) return std::sqrt(all_pairs(f, metric));
  // n spheres that do not overlap fill at most 74 %: the nearest two centres are, in a cell that is
  // large in all directions, closer than 1.123 (V/n)^(1/3)
  const double width_a = 1.2 * std::cbrt(crystal.cell.volume() / static_cast<double>(n));
  const double best = binned_pairs(f, metric, width_a);
  if (best <= width_a * width_a) return std::sqrt(best);
  return std::sqrt(all_pairs(f, metric));
}

struct PairDistances::Cell {
  Metric metric;
  std::vector<Vector> fractions;
};

PairDistances::PairDistances(const Crystal& crystal) {
  const CellMatrix matrix = crystal.cell.matrix();
  cell_ = std::make_unique<Cell>(Cell{Metric(matrix), {}});
  cell_->fractions = reduced_fractions(crystal, matrix, cell_->metric);
}

PairDistances::~PairDistances() = default;

double PairDistances::operator()(int i, int j) const {
  NearestPair nearest(cell_->metric);
  nearest.consider(cell_->fractions[i], cell_->fractions[j]);
  return std::sqrt(nearest.square());
}

double self_distance(const UnitCell& cell) {
  const Vector shortest = reduced_basis(cell.matrix())[0];
  return std::sqrt(dot(shortest, shortest));
}

bool structure_valid(const Crystal& crystal, std::optional<double> minimum_distance_a,
                     double cutoff_a) {
  if (minimum_distance_a && *minimum_distance_a < cutoff_a) return false;
  return crystal.cell.volume() >= 0.1;
}

bool structure_valid(const Crystal& crystal, double cutoff_a) {
  return structure_valid(crystal, minimum_distance(crystal), cutoff_a);
}

}  // namespace anneal
