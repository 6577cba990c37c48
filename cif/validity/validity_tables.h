// Facts about elements and ions behind the validity families, written by make_validity_tables.py.
#pragma once

#include <array>
#include <vector>

namespace anneal {

struct ValidityFacts {
  double atomic_radius_a;                 ///< Slater 1964; 0 where there is none
  double cationic_radius_a;               ///< mean of Shannon's radii over the cations; 0: none
  double anionic_radius_a;                ///< mean over the anions; 0: none
  double bond_valence_r, bond_valence_c;  ///< O'Keeffe and Brese, JACS 113, 3226 (1991); r 0: none
  bool bonds_with_all;                    ///< one of their electronegative elements
  double valence_electrons;               ///< SMACT 3.2.0, d electrons included; NaN: none
  double electronegativity;               ///< SMACT 3.2.0, Pauling; NaN: none
  bool metal, d_block;                    ///< SMACT 3.2.0
  std::array<signed char, 10> states;     ///< in the ICSD, else common (pymatgen); ended by 0
};

/// [Z - 1].
extern const ValidityFacts kValidityFacts[118];

/// An ion in the ICSD: distribution of its bond-valence sums, and how often it occurs.
struct IonFacts {
  int atomic_number, state;
  double mean, deviation, frequency;
};

/// By atomic number, then state.
extern const std::vector<IonFacts> kIonFacts;

}  // namespace anneal
