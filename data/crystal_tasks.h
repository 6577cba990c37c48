// The 13 crystal instruction tasks of LLaMat-CIF (M3RG-IITD/llamat,
// src/cifs/notebooks/cif_tasks.ipynb) as chat records whose answers are right by construction. The
// requests follow the original, so that its models and ours can be asked alike; the system messages
// are our own.
//
// Reading tasks show the full P1 CIF: atom_count, dimensions_synt, atom_name, space_group,
// cell_volume, formula, replace. The others show or ask for a crystal string, moved as a whole by a
// random translation: conditional_generation, element_generation, infill, dimensions_sem, vol_calc,
// formula_compute.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "cif/crystal.h"
#include "data/chat_format.h"
#include "data/crystal_prompt.h"

namespace anneal {

enum class CrystalTask {
  kAtomCount,
  kDimensionsSynt,
  kAtomName,
  kSpaceGroup,
  kCellVolume,
  kFormula,
  kReplace,
  kConditionalGeneration,
  kElementGeneration,
  kInfill,
  kDimensionsSem,
  kVolCalc,
  kFormulaCompute,
};
inline constexpr int kNumCrystalTasks = 13;

/// Names in the order of the enumeration, as recipes write them.
const std::vector<std::string>& crystal_task_names();

/// The task of a name (blanks may stand for "_"). Throws UsageError with the nearest name.
CrystalTask parse_crystal_task(const std::string& name);

/// A crystal and what its table says about it; what it does not say is left out of the prompts.
struct DescribedCrystal {
  Crystal crystal;
  std::optional<double> formation_energy_per_atom;  ///< eV/atom
  std::optional<double> band_gap;                   ///< eV
  std::optional<double> e_above_hull;               ///< eV/atom
  std::optional<int> spacegroup_number;             ///< of the true symmetry, 1..230
  bool translate = true;  ///< crystal strings of it are moved by a common random vector
};

/// Takes the properties from a table's row: columns formation_energy_per_atom, band_gap,
/// e_above_hull, and spacegroup.number, spacegroup_number or spacegroup (number or symbol). Empty,
/// unknown and non-finite values count as absent.
DescribedCrystal describe(Crystal crystal, const std::map<std::string, std::string>& columns);

/// The conditions among `keys` (of condition_keys()) that the crystal's table answers.
std::vector<Condition> available_conditions(const DescribedCrystal& described,
                                            const std::vector<std::string>& keys);

/// `count` of the conditions, a random choice in random order.
std::vector<Condition> sample_conditions(std::vector<Condition> conditions, std::size_t count,
                                         Random& random);

/// Symbols of the elements present, least electronegative first (as in the formula).
std::vector<std::string> elements_in_order(const Crystal& crystal);

/// False where the question makes no sense (`replace` needs two sites).
bool applicable(CrystalTask task, const DescribedCrystal& described);

/// A random translation in units of the cell.
Fractional random_shift(Random& random);

/// The crystal as a crystal string shows it: translated at random, or where it is. Takes the
/// same numbers from `random` either way.
Crystal placed(const Crystal& crystal, bool translate, Random& random);

/// How much of a CIF the reading tasks show: all that pymatgen writes (800 tokens for ten sites
/// with a small vocabulary), or a valid CIF of the essential fields with fewer digits (half of
/// that).
enum class CifForm { kFull, kShort };

/// A CIF of name, space group, cell, volume, formula and one line a site: lengths with two
/// decimals, angles with one, coordinates with three.
std::string short_cif(const Crystal& crystal);

/// One question about the crystal with its answer. With the short form the crystal is first rounded
/// to the digits shown, so that the answer still follows from the question.
ChatRecord crystal_task_record(CrystalTask task, const DescribedCrystal& described, Random& random,
                               CifForm form = CifForm::kFull);

/// The system messages a task draws from (crystal_task_wording.cpp).
const std::vector<std::string>& crystal_task_systems(CrystalTask task);

}  // namespace anneal
