// The energy corrections of the Materials Project, scheme MP2020: Wang, Kingsbury, McDermott, Horton,
// Jain, Ong, Dwaraknath, Persson, Sci. Rep. 11, 15496 (2021); mixing of GGA and GGA+U after Jain et
// al., Phys. Rev. B 84, 045115 (2011). The numbers and the rule for what is an anion are those of
// pymatgen's MaterialsProject2020Compatibility (compat_type "Advanced", strict_anions
// "require_bound"), with which tests compare.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cif/crystal.h"
#include "cif/stability/entries.h"

namespace anneal {

/// What the scheme needs to know of a calculation.
struct CalculationFacts {
  std::string run_type;                     ///< "GGA", "GGA+U", ...
  std::map<int, double> hubbards_ev;        ///< U by atomic number
  std::vector<std::string> potcar_symbols;  ///< "Fe_pv", "O"; empty: not known, not checked
  std::string oxide_type;    ///< "oxide", ...; "": told from the structure, or the formula
  std::string sulfide_type;  ///< "sulfide", ...; "": told from the structure, else sulfide
  std::optional<Crystal> structure;
  std::string structure_fault;  ///< why a structure that the entry brings cannot be used; "" if it can
  /// Mean oxidation state by element; nothing: guessed from the composition.
  std::optional<std::map<int, double>> oxidation_states;
};

/// The sum of the corrections in eV, or the reason why the scheme cannot use the entry.
struct Mp2020Result {
  double correction_ev = 0;
  std::string refusal;  ///< "" if there is none
};

/// Corrections of one calculation. Elements get none.
Mp2020Result mp2020_correction(const Amounts& amounts, const CalculationFacts& facts);

/// The most likely mean oxidation states of a neutral compound, by how often the states occur in the
/// ICSD (pymatgen's `Composition.oxi_state_guesses(max_sites=-20)`); empty if none balances or the
/// reduced formula has more than 20 atoms or is not whole.
std::map<int, double> guess_oxidation_states(const Amounts& amounts);

}  // namespace anneal
