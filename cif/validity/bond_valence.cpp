#include "cif/validity/bond_valence.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "cif/elements.h"
#include "cif/fingerprint/neighbor_search.h"
#include "cif/validity/validity_tables.h"

namespace anneal {
namespace {

constexpr double kReach = 4;  // Angstrom
constexpr double kDistanceScale = 1.015;
constexpr std::size_t kMostNeighbors = 200'000;
constexpr int kMostTried = 100'000;  // sets of states
constexpr double kKeep = 0.01;       // of the highest probability

const ValidityFacts& facts(int z) { return kValidityFacts[z - 1]; }

double electronegativity(int z) { return element(z).electronegativity; }

/// A site of each orbit, with its possible states, the most probable first.
struct Orbit {
  int site = 0, atomic_number = 0, size = 1;
  std::vector<std::pair<int, double>> states;  // state, probability
};

double bond_valence_sum(const Crystal& crystal, int z1, const std::vector<Neighbor>& near) {
  double sum = 0;
  for (const auto& neighbor : near) {
    const int z2 = crystal.sites[neighbor.site].atomic_number;
    const ValidityFacts &one = facts(z1), &other = facts(z2);
    if (z1 == z2 || !(one.bonds_with_all || other.bonds_with_all)) continue;
    const double r1 = one.bond_valence_r, r2 = other.bond_valence_r;
    const double c1 = one.bond_valence_c, c2 = other.bond_valence_c;
    const double root = std::sqrt(c1) - std::sqrt(c2);
    const double length = r1 + r2 - r1 * r2 * root * root / (c1 * r1 + c2 * r2);
    const double valence = std::exp((length - neighbor.distance * kDistanceScale) / 0.31);
    sum += electronegativity(z1) < electronegativity(z2) ? valence : -valence;
  }
  return sum;
}

std::vector<std::pair<int, double>> probable_states(int z, double sum) {
  std::vector<std::pair<int, double>> states;
  const auto first = std::lower_bound(kIonFacts.begin(), kIonFacts.end(), z,
                                      [](const IonFacts& f, int n) { return f.atomic_number < n; });
  double total = 0;
  for (auto at = first; at != kIonFacts.end() && at->atomic_number == z; ++at) {
    const double off = (sum - at->mean) / at->deviation;
    states.emplace_back(at->state, std::exp(-off * off / 2) / at->deviation * at->frequency);
    total += states.back().second;
  }
  for (auto& [state, probability] : states) probability = total > 0 ? probability / total : 0;
  std::stable_sort(states.begin(), states.end(),
                   [](const auto& one, const auto& other) { return one.second > other.second; });
  // nothing is left where all probabilities vanish, and then no state can be assigned
  std::erase_if(states, [highest = states.empty() ? 0 : states[0].second](const auto& state) {
    return !(state.second > kKeep * highest);
  });
  return states;
}

/// Depth-first search over the states of the orbits that can still become neutral.
class NeutralSearch {
 public:
  explicit NeutralSearch(const std::vector<Orbit>& orbits) : orbits_(orbits) {
    lowest_.assign(orbits.size() + 1, 0);  // sums of what is behind
    highest_.assign(orbits.size() + 1, 0);
    for (std::size_t k = orbits.size(); k-- > 0;) {
      int low = 1000, high = -1000;
      for (const auto& [state, probability] : orbits[k].states) {
        low = std::min(low, state);
        high = std::max(high, state);
      }
      lowest_[k] = lowest_[k + 1] + low * orbits[k].size;
      highest_[k] = highest_[k + 1] + high * orbits[k].size;
    }
    chosen_.resize(orbits.size());
  }

  std::vector<int> best() {
    descend(0, 0, 1);
    return best_;
  }

 private:
  void descend(std::size_t k, int charge, double score) {
    if (tried_ > kMostTried) return;
    if (charge + highest_[k] < 0 || charge + lowest_[k] > 0) {
      ++tried_;
      return;
    }
    if (k == orbits_.size()) {
      ++tried_;
      if (score > best_score_ && states_close()) {
        best_ = chosen_;
        best_score_ = score;
      }
      return;
    }
    for (const auto& [state, probability] : orbits_[k].states) {
      chosen_[k] = state;
      descend(k + 1, charge + state * orbits_[k].size, score * probability);
    }
  }

  bool states_close() const {
    std::map<int, std::pair<int, int>> range;
    for (std::size_t k = 0; k < orbits_.size(); ++k) {
      auto [at, first] =
          range.try_emplace(orbits_[k].atomic_number, std::pair(chosen_[k], chosen_[k]));
      at->second.first = std::min(at->second.first, chosen_[k]);
      at->second.second = std::max(at->second.second, chosen_[k]);
      if (at->second.second - at->second.first > 1) return false;
    }
    return true;
  }

  const std::vector<Orbit>& orbits_;
  std::vector<int> lowest_, highest_, chosen_, best_;
  double best_score_ = 0;
  int tried_ = 0;
};

}  // namespace

std::optional<std::vector<int>> bond_valence_states(const Crystal& crystal,
                                                    const SpaceGroup* group) {
  for (const Site& site : crystal.sites) {
    if (facts(site.atomic_number).bond_valence_r == 0) return std::nullopt;
  }
  const NeighborSearch search(crystal);
  std::map<int, Orbit> by_first;
  std::vector<int> first_of(crystal.sites.size());
  for (int i = 0; i < static_cast<int>(crystal.sites.size()); ++i) {
    first_of[i] = group == nullptr ? i : group->equivalent[i];
    auto [at, is_new] = by_first.try_emplace(first_of[i]);
    if (is_new) {
      at->second = {
          .site = i, .atomic_number = crystal.sites[i].atomic_number, .size = 1, .states = {}};
    } else {
      ++at->second.size;
    }
  }
  std::vector<Orbit> orbits;
  std::vector<Neighbor> near;
  for (auto& [first, orbit] : by_first) {
    if (!search.within(orbit.site, kReach, kMostNeighbors, near)) return std::nullopt;
    orbit.states =
        probable_states(orbit.atomic_number, bond_valence_sum(crystal, orbit.atomic_number, near));
    if (orbit.states.empty()) return std::nullopt;
    orbits.push_back(std::move(orbit));
  }
  std::stable_sort(orbits.begin(), orbits.end(), [](const Orbit& one, const Orbit& other) {
    return electronegativity(one.atomic_number) > electronegativity(other.atomic_number);
  });
  const std::vector<int> best = NeutralSearch(orbits).best();
  if (best.empty()) return std::nullopt;
  std::vector<int> states(crystal.sites.size());
  for (std::size_t i = 0; i < states.size(); ++i) {
    for (std::size_t k = 0; k < orbits.size(); ++k) {
      if (first_of[orbits[k].site] == first_of[i]) states[i] = best[k];
    }
  }
  return states;
}

}  // namespace anneal
