// The validity of CDVAE (Xie et al. 2022) and CrystalLLM, exactly as their scripts compute it with
// pymatgen and SMACT 2.2.1 (`compute_metrics.py`, `eval_utils.py`).
#pragma once

#include <memory>
#include <optional>

#include "cif/crystal.h"

namespace anneal {

/// Smallest distance between two different sites, images of them included, Angstrom; nothing for
/// fewer than two sites. A site's distance to its own images is not counted (as in the reference).
/// Exact for any cell: the cell is reduced first and all images within reach are looked at.
/// Large cells are binned, so that time grows linearly with the number of sites.
std::optional<double> minimum_distance(const Crystal& crystal);

/// No two sites closer than `cutoff_a` (Angstrom) and a volume of at least 0.1 A^3.
bool structure_valid(const Crystal& crystal, double cutoff_a = 0.5);

/// The same, from a minimum distance already known.
bool structure_valid(const Crystal& crystal, std::optional<double> minimum_distance_a,
                     double cutoff_a = 0.5);

/// Shortest distances between any two sites of a crystal, images included: pymatgen's
/// distance_matrix, entry by entry.
class PairDistances {
 public:
  explicit PairDistances(const Crystal& crystal);
  ~PairDistances();
  /// Between two different sites, Angstrom.
  double operator()(int i, int j) const;

 private:
  struct Cell;
  std::unique_ptr<Cell> cell_;
};

/// How near a site is to its own nearest image, Angstrom: the shortest lattice vector. None of the
/// published rules looks at it: a single atom in a cell of 0.3 A passes them all.
double self_distance(const UnitCell& cell);

/// CDVAE's `smact_validity`: true for one element, and for metals only; else true if some choice of
/// one oxidation state per element (SMACT 2.2.1 defaults) is neutral for exactly the reduced counts
/// and passes `pauling_test`: no cation as electronegative as, or more than, an anion. Where an
/// electronegativity is missing (Pm, Rn, Lr), as the code of 2.2.1 does: elements in order of
/// atomic number, pairs as itertools.combinations; the first pair with such an element passes the
/// test if its signs are opposite (Python's TypeError, which CDVAE catches) and fails it if they
/// are equal, unless a pair before it fails already. False for no atoms, and for elements without
/// states. Time is polynomial in the number of elements and counts; equivalence with trying all
/// choices is argued in composition_validity.cpp and tested.
bool composition_valid(const Composition& composition);

}  // namespace anneal
