// The built-in tables of facts: crystals of the Materials Project and experimental band gaps. They
// are read at run time from data/facts of the source tree the program was built from, or from the
// folder that the environment variable ANNEAL_FACTS_DIR names. NOTICE states origins and licences.
//
// crystals.csv: id, formula, spacegroup, density, lengths, angles, sites. A site group is an
// element followed by x y z triples in 1/10000 of the cell: "Ga 3333 6667 2500 6667 3333 7500 As 0
// 0 0". band_gaps.csv: formula, gap_ev. Lines that start with # are comments.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cif/crystal.h"

namespace anneal {

struct FactCrystal {
  std::string id;          ///< Materials Project id, e.g. mp-2
  std::string formula;     ///< reduced, in pymatgen's order
  std::string spacegroup;  ///< Hermann-Mauguin symbol of the true space group, e.g. P6_3/mmc
  double density_g_cm3 = 0;
  Crystal crystal;
};

struct BandGap {
  std::string formula;  ///< may hold fractions: "Al0.2Ga0.8As1"
  double gap_ev = 0;    ///< experimental; 0 = metal
};

/// Folder of the tables. Throws DataError with a remedy if it is not there.
std::filesystem::path facts_folder();

/// The crystals of a table in the format above. Throws DataError naming file, line and fault.
std::vector<FactCrystal> read_fact_crystals(const std::filesystem::path& file);

/// The band gaps of a table. Throws DataError naming file, line and fault.
std::vector<BandGap> read_band_gaps(const std::filesystem::path& file);

}  // namespace anneal
