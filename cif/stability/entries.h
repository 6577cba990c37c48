// Energies of known phases: what a convex hull is made of. Read from CSV (pymatgen's PDEntryIO and
// plainer ones) and from JSON as pymatgen and the Materials Project write it (ComputedEntry,
// ComputedStructureEntry, PDEntry; alone, in lists, in maps, in a PhaseDiagram, or a line each).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cif/stability/formula.h"

namespace anneal {

/// One phase.
struct PhaseEntry {
  std::string id;    ///< entry_id or name where there is one, else the formula
  Amounts amounts;   ///< atoms of the calculation's cell
  double energy_ev;  ///< of the whole cell, corrections included
  double atoms() const;
  double energy_per_atom() const { return energy_ev / atoms(); }
};

/// What was found in a file of entries, for people to read beside every result.
struct EntriesReport {
  std::int64_t read = 0;       ///< entries in the file
  std::int64_t corrected = 0;  ///< to which MP2020 corrections were applied here
  std::int64_t stored = 0;     ///< that bring corrections of their own, which were kept
  std::map<std::string, std::int64_t> functionals;  ///< entries by run type, "unknown" if not said
  std::vector<std::string> left_out;  ///< "ID: reason" for entries that MP2020 cannot use
};

struct PhaseEntries {
  std::vector<PhaseEntry> entries;
  EntriesReport report;
};

/// Reads a file of entries (plain or .gz).
///
/// CSV: a column for the energy (`Final energy`, `energy`, `total_energy`: eV of the cell; or
/// `energy_per_atom`) and either a column for each element or a column `formula` or `composition`;
/// `Name`, `id` or `entry_id` names the entry. Energies are taken as they are.
///
/// JSON: `energy` is the uncorrected one, as pymatgen writes it. An entry that brings
/// `energy_adjustments` or a `correction` other than 0 keeps them; of the others, those whose
/// parameters name a run_type get the corrections of MP2020 (mp2020.h), and those that the scheme
/// cannot use are left out with the reason.
///
/// Throws DataError naming the file, the line or entry, and what is wrong.
PhaseEntries read_phase_entries(const std::filesystem::path& path);

}  // namespace anneal
