#include "cif/fingerprint/ops_fingerprint.h"

#include <fmt/core.h>

#include "cif/fingerprint/crystal_nn.h"
#include "cif/fingerprint/order_parameters.h"

namespace anneal {
namespace {

struct Component {
  int count;  // coordination number
  std::optional<Motif> motif;
  const char* name;
};

constexpr Component kComponents[kOpsSize] = {
    {1, {}, "wt"},
    {1, Motif::kSingleBond, "sgl_bd"},
    {2, {}, "wt"},
    {2, Motif::kBent90, "L-shaped"},
    {2, Motif::kBent105, "water-like"},
    {2, Motif::kBent120, "bent 120 degrees"},
    {2, Motif::kBent150, "bent 150 degrees"},
    {2, Motif::kLinear, "linear"},
    {3, {}, "wt"},
    {3, Motif::kTrigonalPlanar, "trigonal planar"},
    {3, Motif::kTrigonalNonCoplanar, "trigonal non-coplanar"},
    {3, Motif::kTShaped, "T-shaped"},
    {4, {}, "wt"},
    {4, Motif::kSquarePlanar, "square co-planar"},
    {4, Motif::kTetrahedral, "tetrahedral"},
    {4, Motif::kRectangularSeeSaw, "rectangular see-saw-like"},
    {4, Motif::kSeeSaw, "see-saw-like"},
    {4, Motif::kTrigonalPyramidal, "trigonal pyramidal"},
    {5, {}, "wt"},
    {5, Motif::kPentagonalPlanar, "pentagonal planar"},
    {5, Motif::kSquarePyramidal, "square pyramidal"},
    {5, Motif::kTrigonalBipyramidal, "trigonal bipyramidal"},
    {6, {}, "wt"},
    {6, Motif::kHexagonalPlanar, "hexagonal planar"},
    {6, Motif::kOctahedral, "octahedral"},
    {6, Motif::kPentagonalPyramidal, "pentagonal pyramidal"},
    {7, {}, "wt"},
    {7, Motif::kHexagonalPyramidal, "hexagonal pyramidal"},
    {7, Motif::kPentagonalBipyramidal, "pentagonal bipyramidal"},
    {8, {}, "wt"},
    {8, Motif::kBodyCenteredCubic, "body-centered cubic"},
    {8, Motif::kHexagonalBipyramidal, "hexagonal bipyramidal"},
    {9, {}, "wt"},
    {9, Motif::kQ2, "q2"},
    {9, Motif::kQ4, "q4"},
    {9, Motif::kQ6, "q6"},
    {10, {}, "wt"},
    {10, Motif::kQ2, "q2"},
    {10, Motif::kQ4, "q4"},
    {10, Motif::kQ6, "q6"},
    {11, {}, "wt"},
    {11, Motif::kQ2, "q2"},
    {11, Motif::kQ4, "q4"},
    {11, Motif::kQ6, "q6"},
    {12, {}, "wt"},
    {12, Motif::kCuboctahedral, "cuboctahedral"},
    {12, Motif::kQ2, "q2"},
    {12, Motif::kQ4, "q4"},
    {12, Motif::kQ6, "q6"},
    {13, {}, "wt"},
    {14, {}, "wt"},
    {15, {}, "wt"},
    {16, {}, "wt"},
    {17, {}, "wt"},
    {18, {}, "wt"},
    {19, {}, "wt"},
    {20, {}, "wt"},
    {21, {}, "wt"},
    {22, {}, "wt"},
    {23, {}, "wt"},
    {24, {}, "wt"},
};

/// [count]: the first component of that coordination number, up to [25], the end.
constexpr std::array<int, 26> first_components() {
  std::array<int, 26> first{};
  int k = 0;
  for (int count = 1; count <= 25; ++count) {
    while (k < kOpsSize && kComponents[k].count < count) ++k;
    first[count] = k;
  }
  return first;
}
constexpr auto kFirst = first_components();

OpsVector fingerprint(const SiteCoordination& site) {
  OpsVector result{};
  Cartesian offsets[NeighborAngles::kMost];
  for (std::size_t k = 0; k < site.neighbors.size() && k < NeighborAngles::kMost; ++k) {
    offsets[k] = site.neighbors[k].offset;
  }
  for (const auto& [count, weight] : site.coordinations) {
    if (count > 24 || weight == 0) continue;
    const int first = kFirst[count], end = kFirst[count + 1];
    result[first] = weight;
    if (end == first + 1) continue;
    const NeighborAngles angles({offsets, static_cast<std::size_t>(count)});
    for (int k = first + 1; k < end; ++k) {
      result[k] = weight * angles.order(*kComponents[k].motif);
    }
  }
  return result;
}

}  // namespace

std::string ops_label(int component) {
  const Component& c = kComponents[component];
  return fmt::format("{} CN_{}", c.name, c.count);
}

SiteFingerprints ops_fingerprints(const Crystal& crystal, int most_sites) {
  SiteFingerprints result;
  if (crystal.sites.size() > static_cast<std::size_t>(most_sites)) {
    result.failure = fmt::format("{} sites, more than {}", crystal.sites.size(), most_sites);
    return result;
  }
  CrystalNN near(crystal);
  result.sites.reserve(crystal.sites.size());
  for (std::size_t i = 0; i < crystal.sites.size(); ++i) {
    const SiteCoordination& site = near.at(static_cast<int>(i));
    if (!site.failure.empty()) {
      result.sites.clear();
      result.failure = fmt::format("{} (site {})", site.failure, i + 1);
      return result;
    }
    result.sites.push_back(fingerprint(site));
  }
  return result;
}

StructureFingerprint structure_fingerprint(const Crystal& crystal) {
  StructureFingerprint result;
  SiteFingerprints all = ops_fingerprints(crystal);
  result.failure = std::move(all.failure);
  if (all.sites.empty()) return result;
  OpsVector mean{};
  for (const auto& site : all.sites) {
    for (int k = 0; k < kOpsSize; ++k) mean[k] += site[k];
  }
  for (double& x : mean) x /= static_cast<double>(all.sites.size());
  result.mean = mean;
  return result;
}

}  // namespace anneal
