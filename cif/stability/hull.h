// Convex hulls of formation energy for any number of elements: the lowest energy that a mixture of
// known phases has at a composition. Not a geometric hull but a linear programme for each question
// (minimise the energy of the mixture at fixed amounts), so that the number of elements costs
// nothing: primal simplex from the elemental references, whose basis is the identity.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cif/stability/entries.h"

namespace anneal {

/// A mixture of phases: the fraction of the atoms that each holds (they sum to 1).
struct Decomposition {
  struct Part {
    const PhaseEntry* entry;
    double fraction;
  };
  std::vector<Part> parts;    ///< by falling fraction
  double energy_per_atom = 0; ///< of the mixture, eV
};

class ConvexHull {
 public:
  /// Keeps the lowest entry of each composition.
  explicit ConvexHull(std::vector<PhaseEntry> entries);
  ConvexHull(const ConvexHull&) = delete;
  ConvexHull& operator=(const ConvexHull&) = delete;

  /// The stable mixture at a composition; nothing if an element has no reference entry (see
  /// `missing_elements`). Thread-safe.
  std::optional<Decomposition> decompose(const Amounts& amounts) const;
  /// Energy over the hull per atom (eV) of something with this energy per atom; negative for what is
  /// lower than all known mixtures.
  std::optional<double> energy_above_hull(const Amounts& amounts, double energy_per_atom) const;
  /// Energy per atom over the elemental references, eV.
  std::optional<double> formation_energy(const Amounts& amounts, double energy_per_atom) const;
  /// Symbols of the elements of `amounts` without a reference entry, joined by ", ".
  std::string missing_elements(const Amounts& amounts) const;

  /// Different compositions, and elements with a reference.
  std::size_t num_compositions() const { return entries_.size(); }
  std::size_t num_elements() const { return references_.size(); }

 private:
  std::vector<PhaseEntry> entries_;  // one a composition
  std::map<int, std::size_t> references_;
  std::map<std::vector<int>, std::vector<std::size_t>> by_elements_;
};

}  // namespace anneal
