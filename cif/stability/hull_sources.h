// What a convex hull is made of, for people to read beside every result: files of entries, and
// crystals whose energies are computed here, by the same network in the same way as those judged.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/log.h"
#include "cif/stability/judge_stability.h"

namespace anneal {

struct HullSource {
  std::string path;
  bool computed = false;                            ///< of crystals, by CHGNet; else of entries
  std::int64_t read = 0;                            ///< entries or crystals in the file
  std::int64_t used = 0;                            ///< of them
  std::int64_t corrected = 0, stored = 0;           ///< as in EntriesReport
  std::map<std::string, std::int64_t> functionals;  ///< entries by run type, "unknown" if not said
  std::vector<std::string> left_out;                ///< "ID: reason", the first 20
  /// One line: what was read, and which corrections its energies have.
  std::string in_words() const;
};

struct HullSources {
  std::vector<HullSource> sources;
  std::vector<PhaseEntry> entries;
  /// What a reader of the result must know: other functionals than CHGNet's, energies of unknown
  /// origin, elements without a reference.
  std::vector<std::string> warnings() const;
};

/// True if `path` holds crystals (an INPUT of `anneal score`: a folder, a CIF, a table with a
/// column of crystals), false if entries of a hull. Throws DataError if it cannot be opened.
bool holds_crystals(const std::filesystem::path& path);

/// Adds a file of entries (entries.h). Throws DataError.
void add_entries(const std::filesystem::path& path, HullSources& hull);

/// Crystals to be evaluated, every `world_size`-th from `rank` on this process.
struct CrystalEnergies {
  HullSource source;
  std::vector<PhaseEntry> entries;  ///< of all crystals that could be read; energies to be filled
  std::vector<double> energy_per_atom;  ///< of this rank's, else 0; NaN where there is none
};
CrystalEnergies evaluate_crystals(const std::filesystem::path& path, const Chgnet& net,
                                  const StabilityOptions& options, int threads, int rank,
                                  int world_size, const Log& log);
/// Takes them in when the energies of all ranks are there.
void add_crystals(CrystalEnergies crystals, HullSources& hull);

}  // namespace anneal
