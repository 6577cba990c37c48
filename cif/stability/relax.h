// Relaxation with CHGNet as the reference's StructOptimizer does it: FIRE (Bitzek, Koskinen, Gaehler,
// Moseler, Gumbsch, Phys. Rev. Lett. 97, 170201 (2006)) with ASE's parameters, and with the cell the
// degrees of freedom of ASE's FrechetCellFilter: positions in the undeformed cell and the logarithm
// of the deformation, scaled by the number of atoms.
#pragma once

#include <string>
#include <vector>

#include "cif/stability/chgnet.h"

namespace anneal {

struct RelaxOptions {
  double max_force_ev_a = 0.1;  ///< done when no atom's force, nor the cell's, is larger
  int max_steps = 500;
  bool cell = true;  ///< the cell relaxes too
};

struct Relaxation {
  PeriodicAtoms atoms;           ///< as it ended
  double energy_per_atom = 0;    ///< eV, as it ended
  double start_energy_per_atom = 0;
  double start_max_force = 0;    ///< eV/A, of the atoms as given
  int steps = 0;
  int isolated_atoms = 0;  ///< at the end: without neighbours, which the network never learned
  bool converged = false;
  std::string fault;  ///< why there is no result: the network's, of the crystal at `steps`; "" if there is one
};

/// Relaxes one crystal. Deterministic.
Relaxation relax(const Chgnet& net, const PeriodicAtoms& start, const RelaxOptions& options, Chgnet::Workspace& workspace);

/// Many crystals, shared out over `threads` (0: one a core); results do not depend on how many.
std::vector<Relaxation> relax(const Chgnet& net, const std::vector<PeriodicAtoms>& crystals, const RelaxOptions& options,
                              int threads = 0);

}  // namespace anneal
