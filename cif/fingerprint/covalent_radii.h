// Covalent radii of Cordero et al., Dalton Trans. 2008, 2832 (C: sp2; Mn, Fe, Co: the mean of low and
// high spin), which CrystalNN uses where no oxidation states are known.
#pragma once

namespace anneal {

/// Angstrom; 0 for elements without one (Z > 96).
double covalent_radius_a(int atomic_number);

}  // namespace anneal
