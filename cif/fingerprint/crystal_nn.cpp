#include "cif/fingerprint/crystal_nn.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "cif/elements.h"
#include "cif/fingerprint/covalent_radii.h"

namespace anneal {
namespace {

constexpr double kSearchRadius = 7;  // Angstrom: CrystalNN's search_cutoff
constexpr double kSamePlace = 1e-8;  // Angstrom
constexpr std::size_t kMostNeighbors = 200'000;
constexpr std::size_t kUsualNeighbors = 400;  // more within reach: look at a smaller sphere first

/// Area under the unit circle from 0 to x.
double circle_area(double x) {
  if (x >= 1) return 0.25 * std::numbers::pi;
  const double y = std::sqrt(1 - x * x);
  return 0.5 * (x * y + std::atan(x / y));
}

/// The longest diagonal of the cell as it is given.
double longest_diagonal(const UnitCell& cell) {
  const CellMatrix m = cell.matrix();
  double longest = 0;
  for (const Fractional corner : {Fractional{1, 1, 1}, Fractional{-1, 1, 1}, Fractional{1, -1, 1},
                                  Fractional{1, 1, -1}}) {
    const Cartesian c = to_cartesian(m, corner);
    longest = std::max(longest, std::sqrt(c.x * c.x + c.y * c.y + c.z * c.z));
  }
  return longest;
}

}  // namespace

CrystalNN::CrystalNN(const Crystal& crystal)
    : crystal_(crystal),
      search_(crystal),
      largest_radius_(longest_diagonal(crystal.cell) + 0.01) {}

bool CrystalNN::build_cell(int site) {
  // The reference takes the sites within 7 A and doubles that radius as long as the cell is open.
  // Sites more than twice as far as the farthest vertex change nothing, so in a dense crystal a
  // smaller sphere is tried first.
  double radius = kSearchRadius;
  while (true) {
    const double density = static_cast<double>(search_.num_sites()) / search_.volume_a3();
    double looked = radius;
    if (density * 4.19 * radius * radius * radius > kUsualNeighbors) {
      looked = std::cbrt(kUsualNeighbors / (4.19 * density));
    }
    while (true) {
      if (!search_.within(site, looked, kMostNeighbors, around_)) {
        result_.failure = "too many sites close together";
        return false;
      }
      // a site at the same place is not seen, as in the reference (Qhull takes the two for one point)
      const auto apart = std::find_if(around_.begin(), around_.end(), [](const Neighbor& other) {
        return other.distance >= kSamePlace;
      });
      around_.erase(around_.begin(), apart);
      cell_.reset(1000 * radius);
      double reach = HUGE_VAL;  // twice the distance of the farthest vertex
      int cuts = 0;
      for (std::size_t k = 0; k < around_.size() && around_[k].distance <= reach; ++k) {
        cell_.cut(around_[k].offset, static_cast<int>(k));
        if (++cuts % 8 == 0) reach = 2 * cell_.radius();
      }
      reach = 2 * cell_.radius();
      if (looked >= radius || reach <= looked) break;
      looked = std::min(radius, cell_.bounded() ? reach * 1.0001 : 1.5 * looked);
    }
    if (cell_.bounded()) return true;
    if (radius >= largest_radius_) {
      result_.failure = "the Voronoi cell of a site is open";
      return false;
    }
    radius = std::min(2 * radius, largest_radius_ + 0.001);
  }
}

const SiteCoordination& CrystalNN::at(int site) {
  result_.neighbors.clear();
  result_.coordinations.clear();
  result_.failure.clear();
  if (!build_cell(site)) return result_;
  cell_.faces(faces_);

  const int z1 = crystal_.sites[site].atomic_number;
  double largest_angle = 0;
  for (const auto& face : faces_) largest_angle = std::max(largest_angle, face.solid_angle);
  double highest = 0;
  auto& neighbors = result_.neighbors;
  for (const auto& face : faces_) {
    if (!(face.solid_angle > 0) || !(face.area > 0)) continue;
    const Neighbor& other = around_[face.neighbor];
    const int z2 = crystal_.sites[other.site].atomic_number;
    double weight = face.solid_angle / largest_angle * face.solid_angle / face.area;
    const double difference =
        std::abs(element(z1).electronegativity - element(z2).electronegativity);
    if (!std::isnan(difference)) weight *= 1 + 3 * std::sqrt(difference / 3.3);
    neighbors.push_back({other.site, other.offset, weight});
    highest = std::max(highest, weight);
  }
  const double r1 = covalent_radius_a(z1);
  for (auto& neighbor : neighbors) {
    const double r2 = covalent_radius_a(crystal_.sites[neighbor.site].atomic_number);
    if (r1 == 0 || r2 == 0) {
      result_.failure = "an element without a covalent radius (Z > 96)";
      neighbors.clear();
      return result_;
    }
    const Cartesian& d = neighbor.offset;
    const double beyond = std::sqrt(d.x * d.x + d.y * d.y + d.z * d.z) - (r1 + r2 + 0.5);
    double factor = 1;
    if (beyond >= 0.5) {
      factor = 0;
    } else if (beyond > 0) {
      factor = 0.5 * (std::cos(beyond / 0.5 * std::numbers::pi) + 1);
    }
    neighbor.weight *= factor / highest;
  }
  // Equal weights differ by rounding; nine decimals make their order that of the distances. The
  // third decimal is the reference's.
  std::stable_sort(neighbors.begin(), neighbors.end(),
                   [](const NearNeighbor& p, const NearNeighbor& q) {
                     return std::round(p.weight * 1e9) > std::round(q.weight * 1e9);
                   });
  for (auto& neighbor : neighbors) {
    neighbor.weight = std::nearbyint(neighbor.weight * 1000) / 1000;
  }
  while (!neighbors.empty() && neighbors.back().weight <= 0) neighbors.pop_back();

  for (std::size_t k = 0; k < neighbors.size(); ++k) {
    const double here = neighbors[k].weight;
    const double next = k + 1 < neighbors.size() ? neighbors[k + 1].weight : 0;
    if (here == next) continue;
    result_.coordinations.push_back(
        {static_cast<int>(k) + 1,
         (circle_area(here) - circle_area(next)) / (0.25 * std::numbers::pi)});
  }
  return result_;
}

}  // namespace anneal
