#include "cif/stability/anion_types.h"

#include <algorithm>
#include <set>

#include "cif/elements.h"
#include "cif/fingerprint/neighbor_search.h"
#include "cif/symmetry/space_group.h"

namespace anneal {
namespace {

constexpr int kHydrogen = 1, kOxygen = 8, kSulfur = 16;
constexpr std::size_t kMostNeighbors = 100'000;

/// The sites of an element within `radius` of a site, each once however many of its images are.
std::set<int> partners(const NeighborSearch& search, const Crystal& crystal, int site, int element,
                       double radius) {
  std::vector<Neighbor> near;
  search.within(site, radius, kMostNeighbors, near);
  std::set<int> found;
  for (const auto& neighbor : near) {
    const bool other = neighbor.site != site;
    if (other && neighbor.distance < radius &&
        crystal.sites[neighbor.site].atomic_number == element) {
      found.insert(neighbor.site);
    }
  }
  return found;
}

enum class Sulfur { kSulfide, kPolysulfide, kSulfate };

Sulfur kind_of(const NeighborSearch& search, const Crystal& crystal, int site) {
  const double farthest = 2 * std::max({crystal.cell.a, crystal.cell.b, crystal.cell.c});
  std::vector<Neighbor> near;
  for (double radius = 4; near.empty(); radius *= 2) {
    search.within(site, radius, kMostNeighbors, near);
    if (2 * radius > farthest) break;
  }
  if (near.empty()) return Sulfur::kSulfide;
  double sum = 0;
  std::size_t count = 0;
  bool has_sulfur = false;
  while (count < near.size() && count < 4 && near[count].distance < near[0].distance + 0.4) {
    const int z = crystal.sites[near[count++].site].atomic_number;
    sum += element(z).electronegativity;
    has_sulfur = has_sulfur || z == kSulfur;
  }
  const double mean = sum / static_cast<double>(count), own = element(kSulfur).electronegativity;
  if (mean > own) return Sulfur::kSulfate;
  return mean == own && has_sulfur ? Sulfur::kPolysulfide : Sulfur::kSulfide;
}

}  // namespace

std::string oxide_type_of(const Crystal& crystal, double factor) {
  const NeighborSearch search(crystal);
  const auto any_oxygen = [&](const auto& holds) {
    for (std::size_t i = 0; i < crystal.sites.size(); ++i) {
      if (crystal.sites[i].atomic_number == kOxygen && holds(static_cast<int>(i))) return true;
    }
    return false;
  };
  const auto oxygens = [&](int site, double radius) {
    return partners(search, crystal, site, kOxygen, radius * factor).size();
  };
  if (any_oxygen([&](int i) { return !partners(search, crystal, i, kHydrogen, 0.93 * factor).empty(); })) {
    return "hydroxide";
  }
  if (any_oxygen([&](int i) { return oxygens(i, 1.35) > 1; })) return "ozonide";
  if (any_oxygen([&](int i) { return oxygens(i, 1.35) > 0; })) return "superoxide";
  return any_oxygen([&](int i) { return oxygens(i, 1.49) > 0; }) ? "peroxide" : "oxide";
}

std::string sulfide_type_of(const Crystal& crystal) {
  const NeighborSearch search(crystal);
  const auto group = find_space_group(crystal, 0.1);
  Sulfur kind = Sulfur::kSulfide;
  for (std::size_t i = 0; i < crystal.sites.size(); ++i) {
    if (crystal.sites[i].atomic_number != kSulfur) continue;
    // one of each kind of sites is enough
    if (group && group->equivalent[i] != static_cast<int>(i)) continue;
    kind = std::max(kind, kind_of(search, crystal, static_cast<int>(i)));
  }
  if (kind == Sulfur::kSulfate) return "sulfate";
  return kind == Sulfur::kPolysulfide ? "polysulfide" : "sulfide";
}

}  // namespace anneal
