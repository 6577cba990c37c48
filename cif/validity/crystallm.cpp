#include "cif/validity/crystallm.h"

#include <algorithm>
#include <cmath>

#include "cif/elements.h"
#include "cif/fingerprint/crystal_nn.h"
#include "cif/fingerprint/neighbor_search.h"
#include "cif/validity.h"
#include "cif/validity/validity_tables.h"

namespace anneal {
namespace {

constexpr double kTolerance = 0.32, kHydrogenFactor = 2.5, kIonicFrom = 1.7;

/// 0 where there is no such radius, NaN for an element without electronegativity.
double expected_length(int z1, int z2) {
  const ValidityFacts &one = kValidityFacts[z1 - 1], &other = kValidityFacts[z2 - 1];
  const double x1 = element(z1).electronegativity, x2 = element(z2).electronegativity;
  if (std::abs(x1 - x2) >= kIonicFrom) {
    return x1 < x2 ? one.cationic_radius_a + other.anionic_radius_a
                   : one.anionic_radius_a + other.cationic_radius_a;
  }
  if (one.atomic_radius_a == 0 || other.atomic_radius_a == 0) return 0;
  return one.atomic_radius_a + other.atomic_radius_a;
}

/// How many neighbours the most probable coordination number says.
int coordination(const SiteCoordination& site) {
  double rest = 1, highest = 0;
  int count = 0;
  for (const auto& [number, weight] : site.coordinations) {
    rest -= weight;
    if (weight > highest) {
      highest = weight;
      count = number;
    }
  }
  return rest > highest ? 0 : count;
}

}  // namespace

bool formula_consistent(const StatedFacts& stated) {
  const Composition sum = formula_composition(stated.formula_sum);
  return !sum.empty() && formula_composition(stated.block_name) == sum &&
         formula_composition(stated.formula_structural) == sum;
}

bool multiplicity_consistent(const StatedFacts& stated) {
  Composition atoms;
  for (const auto& [z, multiplicity] : stated.multiplicities) {
    if (multiplicity == 0) return false;
    atoms[z] += multiplicity;
  }
  return !atoms.empty() && parse_formula_counts(stated.formula_sum) == atoms;
}

bool space_group_consistent(const StatedFacts& stated, const std::optional<SpaceGroup>& found) {
  return found && !stated.space_group.empty() &&
         space_group_number(stated.space_group) == found->number;
}

std::optional<double> bond_length_score(const Crystal& crystal) {
  CrystalNN near(crystal);
  const PairDistances distances(crystal);
  int bonds = 0, good = 0;
  for (int i = 0; i < static_cast<int>(crystal.sites.size()); ++i) {
    const SiteCoordination& site = near.at(i);
    if (!site.failure.empty()) return std::nullopt;
    const int n = coordination(site), z1 = crystal.sites[i].atomic_number;
    for (int k = 0; k < n; ++k) {
      const int j = site.neighbors[k].site, z2 = crystal.sites[j].atomic_number;
      if (j == i) continue;
      const double expected = expected_length(z1, z2);
      if (expected == 0) return std::nullopt;
      const double ratio = distances(i, j) / expected;
      ++bonds;
      good += z1 == 1 || z2 == 1 ? ratio < kHydrogenFactor
                                 : ratio > 1 - kTolerance && ratio < 1 + kTolerance;
    }
  }
  if (bonds == 0) return std::nullopt;
  return static_cast<double>(good) / bonds;
}

bool sensible_cell(const UnitCell& cell) {
  const auto within = [](double x, double low, double high) { return x >= low && x <= high; };
  return within(cell.a, 0.5, 1000) && within(cell.b, 0.5, 1000) && within(cell.c, 0.5, 1000) &&
         within(cell.alpha, 10, 170) && within(cell.beta, 10, 170) && within(cell.gamma, 10, 170);
}

}  // namespace anneal
