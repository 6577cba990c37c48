// The structure fingerprint of CDVAE (Xie et al. 2022): the mean over sites of matminer's
// CrystalNNFingerprint.from_preset("ops"), 61 numbers a site: for each coordination number 1..24 its
// weight, and for 1..12 the weight times each order parameter of that number.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "cif/crystal.h"

namespace anneal {

inline constexpr int kOpsSize = 61;
using OpsVector = std::array<double, kOpsSize>;

/// matminer's name of a component, "octahedral CN_6".
std::string ops_label(int component);

struct SiteFingerprints {
  std::vector<OpsVector> sites;  ///< empty if one of them failed
  std::string failure;           ///< why there is none; "" if there is
};

/// Fingerprints of all sites; fails as CrystalNN does (crystal_nn.h). A crystal with more than
/// `most_sites` sites is refused: its failure says so.
SiteFingerprints ops_fingerprints(const Crystal& crystal, int most_sites = 100'000);

struct StructureFingerprint {
  std::optional<OpsVector> mean;  ///< over the sites
  std::string failure;
};

StructureFingerprint structure_fingerprint(const Crystal& crystal);

}  // namespace anneal
