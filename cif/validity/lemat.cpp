#include "cif/validity/lemat.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "cif/fingerprint/neighbor_search.h"
#include "cif/validity/bond_valence.h"
#include "cif/validity/validity_tables.h"

namespace anneal {
namespace {

constexpr double kDistanceScale = 0.5, kDistanceExtra = 0.7;  // the latter Angstrom
constexpr double kDefaultRadius = 1;
constexpr double kNearTolerance = 0.1, kNearCutoff = 10;  // pymatgen's MinimumDistanceNN
constexpr std::size_t kMostNeighbors = 200'000;
constexpr int kMostSum = 100'000;

const ValidityFacts& facts(int z) { return kValidityFacts[z - 1]; }

double radius(int z) {
  const double r = facts(z).atomic_radius_a;
  return r > 0 ? r : kDefaultRadius;
}

bool no_polar_bonds(const Crystal& crystal, const SpaceGroup& group) {
  const NeighborSearch search(crystal);
  std::vector<Neighbor> near;
  for (int site = 0; site < static_cast<int>(crystal.sites.size()); ++site) {
    if (group.equivalent[site] != site) continue;  // one site of each orbit
    // the nearest alone decide: a small sphere that grows is enough
    double reach = 3;
    do {
      if (!search.within(site, reach, kMostNeighbors, near)) return false;
      if (!near.empty() && near[0].distance * (1 + kNearTolerance) <= reach) break;
      reach = std::min(kNearCutoff, near.empty() ? 2 * reach : near[0].distance * 1.11);
    } while (reach < kNearCutoff);
    for (const auto& neighbor : near) {
      if (neighbor.distance >= near[0].distance * (1 + kNearTolerance)) break;
      const int z1 = crystal.sites[site].atomic_number,
                z2 = crystal.sites[neighbor.site].atomic_number;
      if (z1 != z2 && (facts(z1).bonds_with_all || facts(z2).bonds_with_all)) return false;
    }
  }
  return true;
}

/// Whether states can add up to 0 where the atoms of an element take one state or two that differ
/// by 1, and no element's sum is 0.
bool composition_neutral(const Composition& composition) {
  std::set<int> sums = {0};
  for (const auto& [z, count] : reduced(composition)) {
    std::set<int> own;
    const auto& states = facts(z).states;
    for (std::size_t i = 0; i < states.size() && states[i] != 0; ++i) {
      own.insert(states[i] * count);
      const bool next = states[i] != -1 && i + 1 < states.size() && states[i + 1] == states[i] + 1;
      if (next && count <= kMostSum / 10) {
        for (int k = 1; k < count; ++k) own.insert(states[i] * count + k);
      }
    }
    own.erase(0);
    std::set<int> grown;
    for (const int a : sums) {
      for (const int b : own) grown.insert(a + b);
    }
    sums.swap(grown);
    if (sums.size() > kMostSum) return true;  // sums this dense contain 0
  }
  return sums.contains(0);
}

}  // namespace

bool lemat_distances_valid(const Crystal& crystal) {
  if (crystal.sites.size() < 2) return true;
  double largest = 0;
  for (const Site& site : crystal.sites) largest = std::max(largest, radius(site.atomic_number));
  const NeighborSearch search(crystal);
  std::vector<Neighbor> near;
  for (int i = 0; i < static_cast<int>(crystal.sites.size()); ++i) {
    const double own = radius(crystal.sites[i].atomic_number);
    const double reach = kDistanceScale * (kDistanceExtra + own + largest);
    if (!search.within(i, reach, kMostNeighbors, near)) return false;  // crowded beyond measure
    for (const auto& neighbor : near) {
      if (neighbor.site == i) continue;
      const double other = radius(crystal.sites[neighbor.site].atomic_number);
      if (neighbor.distance < kDistanceScale * (kDistanceExtra + own + other)) return false;
    }
  }
  return true;
}

bool lemat_plausible(const Crystal& crystal) {
  const double volume = crystal.cell.volume(), density = crystal.density();
  const double atoms = static_cast<double>(crystal.sites.size()) / volume;
  if (!(density >= 0.01 && density <= 25 && atoms >= 1e-5 && atoms <= 0.5 && volume > 1)) {
    return false;
  }
  for (const double x : {crystal.cell.a, crystal.cell.b, crystal.cell.c}) {
    if (!(x >= 1 && x <= 100)) return false;
  }
  return find_space_group(crystal, 0.01).has_value();
}

double metallicity_score(const Composition& composition) {
  double atoms = 0, metals = 0, d_block = 0, electrons = 0;
  int kinds = 0;
  std::vector<double> negativity;
  for (const auto& [z, count] : composition) {
    const ValidityFacts& f = facts(z);
    atoms += count;
    metals += f.metal * count;
    d_block += f.d_block * count;
    kinds += f.metal;
    electrons += f.valence_electrons * count;  // NaN stays
    negativity.push_back(f.electronegativity);
  }
  const double per_atom = electrons / atoms;
  const double electron_term = std::isnan(per_atom) ? 0.5 : 1 - std::abs(per_atom - 8) / 8;
  double difference = 0;
  int pairs = 0;
  for (std::size_t i = 0; i < negativity.size(); ++i) {
    for (std::size_t j = i + 1; j < negativity.size(); ++j, ++pairs) {
      difference += std::abs(negativity[i] - negativity[j]);
    }
  }
  double negativity_term = 1;
  for (const double x : negativity) {
    if (std::isnan(x)) negativity_term = 0.5;
  }
  if (negativity_term == 1 && pairs > 0)
    negativity_term = 1 - std::min(difference / pairs / 3, 1.0);
  const double score = 0.3 * metals / atoms + 0.2 * d_block / atoms +
                       0.2 * std::min(kinds / 3.0, 1.0) + 0.15 * electron_term +
                       0.15 * negativity_term;
  return std::clamp(score, 0.0, 1.0);
}

ChargeBalance lemat_charge_balance(const Crystal& crystal, const SpaceGroup* group) {
  const Composition composition = crystal.composition();
  if (metallicity_score(composition) > 0.7) return ChargeBalance::kMetallic;
  if (group != nullptr) {
    if (no_polar_bonds(crystal, *group)) return ChargeBalance::kNoBonds;
    if (bond_valence_states(crystal, group)) return ChargeBalance::kBondValence;
  }
  return composition_neutral(composition) ? ChargeBalance::kComposition : ChargeBalance::kNone;
}

}  // namespace anneal
