#include "cif/fingerprint/neighbor_search.h"

#include <algorithm>
#include <cmath>

#include "cif/lattice_reduction.h"

namespace anneal {
namespace {

constexpr double kBinWidth = 3.5;  // Angstrom, about half of the usual radius
constexpr double kMaxImages = 1e6; // bins to look at; more means an absurd cell

using Vector = std::array<double, 3>;
double dot(const Vector& u, const Vector& v) { return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]; }
Vector cross(const Vector& u, const Vector& v) {
  return {u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
}

}  // namespace

NeighborSearch::NeighborSearch(const Crystal& crystal) {
  const CellMatrix matrix = crystal.cell.matrix();
  basis_ = reduced_basis(matrix);
  const double signed_volume = dot(basis_[0], cross(basis_[1], basis_[2]));
  volume_ = std::abs(signed_volume);
  std::array<Vector, 3> reciprocal;
  const int sites = static_cast<int>(crystal.sites.size());
  // not many more bins than sites
  const int most = std::max(1, static_cast<int>(std::cbrt(static_cast<double>(sites))) + 1);
  for (int k = 0; k < 3; ++k) {
    reciprocal[k] = cross(basis_[(k + 1) % 3], basis_[(k + 2) % 3]);
    for (double& x : reciprocal[k]) x /= signed_volume;
    spacing_[k] = 1 / std::sqrt(dot(reciprocal[k], reciprocal[k]));
    bins_[k] = std::clamp(static_cast<int>(std::min(spacing_[k] / kBinWidth, 1e3)), 1, most);
  }
  cartesian_.reserve(sites);
  bin_of_.reserve(sites);
  start_.assign(static_cast<std::size_t>(bins_[0]) * bins_[1] * bins_[2] + 1, 0);
  const auto bin_index = [&](const std::array<int, 3>& b) {
    return (b[0] * bins_[1] + b[1]) * bins_[2] + b[2];
  };
  for (const auto& site : crystal.sites) {
    // wrapped first: huge coordinates would lose their fraction in Cartesian space
    const Cartesian c =
        to_cartesian(matrix, {wrap_fraction(site.position.x), wrap_fraction(site.position.y),
                              wrap_fraction(site.position.z)});
    Vector f;
    std::array<int, 3> bin;
    for (int k = 0; k < 3; ++k) {
      f[k] = wrap_fraction(dot(reciprocal[k], {c.x, c.y, c.z}));
      bin[k] = std::min(bins_[k] - 1, static_cast<int>(f[k] * bins_[k]));
    }
    cartesian_.push_back(to_cartesian(basis_, {f[0], f[1], f[2]}));
    bin_of_.push_back(bin);
    ++start_[bin_index(bin) + 1];
  }
  for (std::size_t b = 1; b < start_.size(); ++b) start_[b] += start_[b - 1];
  order_.resize(sites);
  auto next = start_;
  for (int i = 0; i < sites; ++i) order_[next[bin_index(bin_of_[i])]++] = i;
}

bool NeighborSearch::within(int site, double radius, std::size_t limit,
                            std::vector<Neighbor>& result) const {
  result.clear();
  std::array<int, 3> reach;
  double images = 1;
  for (int k = 0; k < 3; ++k) {
    const double steps = std::ceil(radius * bins_[k] / spacing_[k]);
    images *= 2 * steps + 1;
    if (!(images <= kMaxImages)) return false;
    reach[k] = static_cast<int>(steps);
  }
  const double square = radius * radius;
  const Cartesian centre = cartesian_[site];
  const auto floor_divide = [](int a, int b) { return a >= 0 ? a / b : -((b - 1 - a) / b); };
  std::array<int, 3> step;
  for (step[0] = -reach[0]; step[0] <= reach[0]; ++step[0]) {
    for (step[1] = -reach[1]; step[1] <= reach[1]; ++step[1]) {
      for (step[2] = -reach[2]; step[2] <= reach[2]; ++step[2]) {
        std::array<int, 3> bin, cell;
        for (int k = 0; k < 3; ++k) {
          const int b = bin_of_[site][k] + step[k];
          cell[k] = floor_divide(b, bins_[k]);
          bin[k] = b - cell[k] * bins_[k];
        }
        const int b = (bin[0] * bins_[1] + bin[1]) * bins_[2] + bin[2];
        if (start_[b] == start_[b + 1]) continue;
        const Cartesian shift = to_cartesian(
            basis_, {static_cast<double>(cell[0]), static_cast<double>(cell[1]),
                     static_cast<double>(cell[2])});
        const Cartesian from = {shift.x - centre.x, shift.y - centre.y, shift.z - centre.z};
        for (int at = start_[b]; at < start_[b + 1]; ++at) {
          const int j = order_[at];
          if (j == site && cell == std::array<int, 3>{}) continue;
          const Cartesian d = {cartesian_[j].x + from.x, cartesian_[j].y + from.y,
                               cartesian_[j].z + from.z};
          const double d2 = d.x * d.x + d.y * d.y + d.z * d.z;
          if (d2 > square) continue;
          if (result.size() == limit) return false;
          result.push_back({j, d, d2});
        }
      }
    }
  }
  for (auto& neighbor : result) neighbor.distance = std::sqrt(neighbor.distance);
  std::stable_sort(result.begin(), result.end(), [](const Neighbor& p, const Neighbor& q) {
    return p.distance != q.distance ? p.distance < q.distance : p.site < q.site;
  });
  return true;
}

}  // namespace anneal
