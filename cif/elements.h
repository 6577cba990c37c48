// Facts about the chemical elements, indexed by atomic number Z = 1..118.
// Mass and electronegativity: pymatgen's periodic table (they order formulae and give densities as
// pymatgen does). The smact_* facts: SMACT 2.2.1 (Davies et al., JOSS 2019), on which the
// compositional validity of CDVAE rests; later SMACT versions differ.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

namespace anneal {

inline constexpr int kMaxAtomicNumber = 118;

/// Name and version of the oxidation-state table that is built in (printed with every score).
inline constexpr const char* kOxidationTable = "SMACT 2.2.1 oxidation_states.txt";

struct Element {
  const char* symbol;
  double mass_u;                             ///< standard atomic mass, unified atomic mass units
  double electronegativity;                  ///< Pauling scale (pymatgen); NaN where there is none
  double smact_electronegativity;            ///< Pauling scale (SMACT 2.2.1); NaN where it has None
  bool smact_metal;                          ///< in smact.metals (79 symbols)
  std::array<signed char, 12> smact_states;  ///< default oxidation states, ended by 0

  /// Default oxidation states of SMACT 2.2.1, ascending; none of them is 0; may be empty.
  std::span<const signed char> oxidation_states() const;
};

/// Facts about the element with this atomic number; throws std::out_of_range outside 1..118.
const Element& element(int atomic_number);

/// Atomic number of an exactly written symbol ("Fe", not "FE"); 0 if it is none. Deuterium ("D")
/// and tritium ("T") are hydrogen: 1.
int atomic_number(std::string_view symbol);

/// Symbol of the element, "X" outside 1..118.
std::string_view symbol(int atomic_number);

}  // namespace anneal
