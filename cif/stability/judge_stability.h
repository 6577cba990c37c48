// Is a crystal stable? Its energy by CHGNet, relaxed first unless told otherwise, against a convex
// hull of known phases. What cannot be judged has a reason, never an exception.
#pragma once

#include <optional>
#include <string>

#include "cif/crystal.h"
#include "cif/stability/hull.h"
#include "cif/stability/relax.h"

namespace anneal {

struct StabilityOptions {
  bool relax = true;  ///< else the energy over the hull is that of the crystal as given
  RelaxOptions relaxation;
  std::size_t max_atoms = 500;  ///< larger crystals are refused: time and memory stay bounded
};

struct Stability {
  std::optional<double> energy_per_atom;          ///< eV, as given
  std::optional<double> max_force_ev_a;           ///< largest norm, as given
  std::optional<double> relaxed_energy_per_atom;  ///< eV
  std::optional<int> steps;                       ///< of the relaxation
  std::optional<bool> converged;       ///< else the relaxed energy is that of the last step
  std::optional<double> e_above_hull;  ///< eV an atom
  std::string
      decomposition;   ///< what the hull has there: "0.6 NaCl (mp-22862) + ..."; "" if unknown
  std::string reason;  ///< why something is missing; "" if nothing is

  /// eV an atom: relaxed if that was asked for.
  std::optional<double> judged_energy(const StabilityOptions& options) const {
    return options.relax ? relaxed_energy_per_atom : energy_per_atom;
  }
};

/// `hull` may be null: then `e_above_hull` is unknown. Deterministic.
Stability judge_stability(const Chgnet& net, const ConvexHull* hull, const Crystal& crystal,
                          const StabilityOptions& options, Chgnet::Workspace& workspace);

/// Known phases for the hull: the energy that is judged, or nothing with a reason.
std::optional<PhaseEntry> phase_entry(const Chgnet& net, const Crystal& crystal, std::string id,
                                      const StabilityOptions& options, Chgnet::Workspace& workspace,
                                      std::string& reason);

}  // namespace anneal
