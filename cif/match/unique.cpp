#include "cif/match/unique.h"

#include <algorithm>
#include <map>

#include "cif/for_each_index.h"

namespace anneal {
namespace {

/// Indices of crystals with equal atoms in the primitive cell, ascending.
using Bins = std::map<Composition, std::vector<std::size_t>>;

Bins bins_of(std::span<const ReducedCrystal> crystals) {
  Bins bins;
  for (std::size_t i = 0; i < crystals.size(); ++i) {
    if (!crystals[i].too_large) bins[crystals[i].composition].push_back(i);
  }
  return bins;
}

}  // namespace

std::vector<ReducedCrystal> reduce_all(std::span<const Crystal> crystals, int threads) {
  std::vector<ReducedCrystal> result(crystals.size());
  for_each_index(crystals.size(), threads,
          [&](std::size_t i) { result[i] = reduce_for_matching(crystals[i]); });
  return result;
}

std::vector<std::size_t> structure_groups(std::span<const ReducedCrystal> crystals,
                                          const MatchOptions& options, int threads) {
  std::vector<std::size_t> result(crystals.size());
  for (std::size_t i = 0; i < crystals.size(); ++i) result[i] = i;
  const Bins bins = bins_of(crystals);
  std::vector<const std::vector<std::size_t>*> work;
  for (const auto& [atoms, members] : bins) {
    if (members.size() > 1) work.push_back(&members);
  }
  // the large bins first: their time grows with the square of the number of members
  std::sort(work.begin(), work.end(),
            [](const auto* one, const auto* other) { return one->size() > other->size(); });
  for_each_index(work.size(), threads, [&](std::size_t bin) {
    std::vector<std::size_t> firsts;
    for (const std::size_t i : *work[bin]) {
      const auto first = std::find_if(firsts.begin(), firsts.end(), [&](std::size_t known) {
        return same_structure(crystals[known], crystals[i], options);
      });
      if (first == firsts.end()) {
        firsts.push_back(i);
      } else {
        result[i] = *first;
      }
    }
  });
  return result;
}

std::vector<std::optional<std::size_t>> find_structures(std::span<const ReducedCrystal> crystals,
                                                        std::span<const ReducedCrystal> reference,
                                                        const MatchOptions& options, int threads) {
  const Bins bins = bins_of(reference);
  std::vector<std::optional<std::size_t>> result(crystals.size());
  for_each_index(crystals.size(), threads, [&](std::size_t i) {
    const auto bin = bins.find(crystals[i].composition);
    if (crystals[i].too_large || bin == bins.end()) return;
    for (const std::size_t known : bin->second) {
      if (same_structure(crystals[i], reference[known], options)) {
        result[i] = known;
        return;
      }
    }
  });
  return result;
}

}  // namespace anneal
