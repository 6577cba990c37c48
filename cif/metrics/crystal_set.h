// A set of crystals with what the set metrics (set_metrics.h) need of each.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "cif/crystal_table.h"
#include "cif/fingerprint/magpie.h"
#include "cif/fingerprint/ops_fingerprint.h"

namespace anneal {

/// One crystal that could be read.
struct SetCrystal {
  Crystal crystal;
  bool valid = false;  ///< structurally and compositionally (CDVAE), whatever its fingerprint
  std::optional<OpsVector> structure;             ///< nothing where CrystalNN fails
  std::array<double, kMagpieSize> composition{};  ///< Magpie, standardised
};

struct CrystalSet {
  std::int64_t total = 0;  ///< rows looked at, those included that are no crystal
  std::vector<SetCrystal> crystals;
};

struct CrystalSetOptions {
  std::int64_t most = 0;  ///< the first so many entries of the input; 0: all
  double cutoff_a = 0.5;  ///< of structural validity, Angstrom
  int threads = 0;        ///< 0: as many as processors
  int rank = 0;        ///< structure fingerprints are made for this part of the crystals only ...
  int world_size = 1;  ///< ... of so many (see save_fingerprints)
  bool progress = true;
  Log log = Log(true);
};

/// Reads a set (any INPUT of `anneal score`) and makes the fingerprints. Throws DataError for
/// unreadable input. Memory: about 2 kB a crystal.
CrystalSet load_crystal_set(const std::filesystem::path& input, const CrystalSetOptions& options);

/// Writes the structure fingerprints that `rank` has made, for load_fingerprints of another
/// process.
void save_fingerprints(const std::filesystem::path& file, const CrystalSet& set, int rank,
                       int world_size);

/// Takes over the fingerprints that `rank` has made. Throws DataError if they are of another set.
void load_fingerprints(const std::filesystem::path& file, CrystalSet& set, int rank,
                       int world_size);

}  // namespace anneal
