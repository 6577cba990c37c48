#include "cif/stability/crystal_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace anneal {
namespace {

using Vector = std::array<double, 3>;

Vector cross(const Vector& u, const Vector& v) {
  return {u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
}
double dot(const Vector& u, const Vector& v) { return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]; }

}  // namespace

PeriodicAtoms periodic_atoms(const Crystal& crystal) {
  PeriodicAtoms atoms;
  atoms.cell = crystal.cell.matrix();
  for (const auto& site : crystal.sites) {
    atoms.atomic_numbers.push_back(site.atomic_number);
    atoms.fractional.push_back({site.position.x, site.position.y, site.position.z});
  }
  return atoms;
}

double volume_a3(const CellMatrix& cell) { return std::abs(dot(cell[0], cross(cell[1], cell[2]))); }

std::string build_graph(const PeriodicAtoms& atoms, CrystalGraph& graph) {
  const int n = static_cast<int>(atoms.size());
  graph.num_atoms = n;
  graph.bonds.clear();
  graph.angles.clear();
  const double volume = volume_a3(atoms.cell);
  if (!(volume > 1e-6) || !std::isfinite(volume)) return "the cell has no volume";
  for (const auto& position : atoms.fractional) {
    for (double x : position) {
      if (!std::isfinite(x) || std::abs(x) > 1e6) return "a position is not finite";
    }
  }
  // as many bonds as there are atoms in a sphere, on average
  const double expected =
      0.5 * n * n * (4.0 / 3 * M_PI * kBondCutoff * kBondCutoff * kBondCutoff) / volume;
  if (expected > kMaxGraphEdges)
    return fmt::format("about {:.2g} bonds: too dense or too large", expected);

  // An image lies within the cutoff only if it does so along the normal of each face.
  Vector reach;
  for (int k = 0; k < 3; ++k) {
    const auto normal = cross(atoms.cell[(k + 1) % 3], atoms.cell[(k + 2) % 3]);
    reach[k] = (kBondCutoff + 1e-8) * std::sqrt(dot(normal, normal)) / volume;
    if (reach[k] > 10000) return "the cell is too flat";
  }
  constexpr double kLimit = (kBondCutoff + 1e-8) * (kBondCutoff + 1e-8);
  std::vector<CrystalGraph::Bond> longer;
  std::vector<char> bonded(n, 0);
  for (int i = 0; i < n; ++i) {
    for (int j = i; j < n; ++j) {
      Vector f;
      int low[3], high[3];
      for (int k = 0; k < 3; ++k) {
        f[k] = atoms.fractional[j][k] - atoms.fractional[i][k];
        low[k] = static_cast<int>(std::ceil(-f[k] - reach[k]));
        high[k] = static_cast<int>(std::floor(-f[k] + reach[k]));
      }
      for (int a = i == j ? 0 : low[0]; a <= high[0]; ++a) {
        for (int b = low[1]; b <= high[1]; ++b) {
          for (int c = low[2]; c <= high[2]; ++c) {
            // of the two images that an atom sees of itself in opposite directions, one
            if (i == j && (a < 0 || (a == 0 && (b < 0 || (b == 0 && c <= 0))))) continue;
            const double fa = f[0] + a, fb = f[1] + b, fc = f[2] + c;
            double square = 0;
            CrystalGraph::Bond bond{i, j, {}, 0};
            for (int k = 0; k < 3; ++k) {
              bond.vector[k] =
                  -(fa * atoms.cell[0][k] + fb * atoms.cell[1][k] + fc * atoms.cell[2][k]);
              square += bond.vector[k] * bond.vector[k];
            }
            if (square > kLimit) continue;
            bond.length = std::sqrt(square);
            if (!(bond.length > 1e-3)) return "two atoms are in the same place";
            (bond.length < kAngleCutoff ? graph.bonds : longer).push_back(bond);
            bonded[i] = bonded[j] = 1;
          }
        }
      }
    }
    if (graph.bonds.size() + longer.size() > kMaxGraphEdges)
      return "too many bonds: too dense or too large";
  }
  graph.num_short = static_cast<int>(graph.bonds.size());
  graph.bonds.insert(graph.bonds.end(), longer.begin(), longer.end());
  graph.isolated_atoms = static_cast<int>(std::count(bonded.begin(), bonded.end(), 0));

  // the short bonds at each atom, a bond with an image of itself twice
  struct End {
    int bond;
    float sign;
  };
  std::vector<std::vector<End>> ends(n);
  for (int b = 0; b < graph.num_short; ++b) {
    ends[graph.bonds[b].i].push_back({b, 1});
    ends[graph.bonds[b].j].push_back({b, -1});
  }
  std::size_t count = 0;
  for (const auto& list : ends) count += list.size() * (list.empty() ? 0 : list.size() - 1);
  if (count > kMaxGraphEdges) return fmt::format("{} angles: too dense or too large", count);
  graph.angles.reserve(count);
  for (int b = 0; b < graph.num_short; ++b) {
    for (const float sign : {1.0f, -1.0f}) {
      const int atom = sign > 0 ? graph.bonds[b].i : graph.bonds[b].j;
      for (const End& other : ends[atom]) {
        if (other.bond == b && other.sign == sign) continue;
        graph.angles.push_back({atom, b, other.bond, sign, other.sign});
      }
    }
  }
  return "";
}

}  // namespace anneal
