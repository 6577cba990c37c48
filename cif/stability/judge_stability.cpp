#include "cif/stability/judge_stability.h"

#include <fmt/format.h>

#include <cmath>

namespace anneal {
namespace {

std::string in_words(const Decomposition& mixture) {
  std::string text;
  for (const auto& part : mixture.parts) {
    if (!text.empty()) text += " + ";
    Composition whole;
    std::string fractional;  // an entry of amounts that are no whole numbers is named as it is
    bool is_whole = true;
    for (const auto& [z, amount] : part.entry->amounts) {
      whole[z] = static_cast<int>(amount + 0.5);
      is_whole &= whole[z] > 0 && std::abs(amount - whole[z]) < 1e-6;
      fractional += fmt::format("{}{:.4g}", symbol(z), amount);
    }
    text += fmt::format("{:.4g} {} ({})", part.fraction, is_whole ? formula(whole) : fractional, part.entry->id);
  }
  return text;
}

/// Energies, without the hull.
Stability energies(const Chgnet& net, const Crystal& crystal, const StabilityOptions& options,
                   Chgnet::Workspace& workspace) {
  Stability result;
  if (crystal.sites.size() > options.max_atoms) {
    result.reason = fmt::format("{} atoms, more than {}", crystal.sites.size(), options.max_atoms);
    return result;
  }
  const auto atoms = periodic_atoms(crystal);
  Prediction given;
  net.predict(atoms, workspace, given);
  if (!given.fault.empty()) {
    result.reason = given.fault;
    return result;
  }
  // The network never learned lonely atoms (the reference refuses them too).
  if (given.isolated_atoms > 0) {
    result.reason = fmt::format("{} of {} atoms have no neighbour within {} A",
                                given.isolated_atoms, atoms.size(), kBondCutoff);
    return result;
  }
  result.energy_per_atom = given.energy_per_atom;
  result.max_force_ev_a = given.max_force();
  if (!options.relax) return result;
  const auto relaxed = relax(net, atoms, options.relaxation, workspace);
  result.steps = relaxed.steps;
  result.converged = relaxed.converged;
  if (!relaxed.fault.empty()) {
    result.reason = fmt::format("step {} of the relaxation: {}", relaxed.steps, relaxed.fault);
  } else if (relaxed.isolated_atoms > 0) {
    result.reason = fmt::format(
        "it fell apart: after {} steps of relaxation {} of {} atoms have "
        "no neighbour within {} A",
        relaxed.steps, relaxed.isolated_atoms, atoms.size(), kBondCutoff);
  } else {
    result.relaxed_energy_per_atom = relaxed.energy_per_atom;
  }
  return result;
}

}  // namespace

Stability judge_stability(const Chgnet& net, const ConvexHull* hull, const Crystal& crystal,
                          const StabilityOptions& options, Chgnet::Workspace& workspace) {
  auto result = energies(net, crystal, options, workspace);
  const auto energy = result.judged_energy(options);
  if (hull == nullptr || !energy) return result;
  const auto amounts = to_amounts(crystal.composition());
  const auto mixture = hull->decompose(amounts);
  if (mixture) {
    result.e_above_hull = *energy - mixture->energy_per_atom;
    result.decomposition = in_words(*mixture);
  } else {
    result.reason =
        fmt::format("the hull has no elemental reference of {}", hull->missing_elements(amounts));
  }
  return result;
}

std::optional<PhaseEntry> phase_entry(const Chgnet& net, const Crystal& crystal, std::string id,
                                      const StabilityOptions& options, Chgnet::Workspace& workspace,
                                      std::string& reason) {
  const auto result = energies(net, crystal, options, workspace);
  const auto energy = result.judged_energy(options);
  if (!energy) {
    reason = result.reason;
    return std::nullopt;
  }
  PhaseEntry entry{std::move(id), to_amounts(crystal.composition()), 0};
  entry.energy_ev = *energy * entry.atoms();
  return entry;
}

}  // namespace anneal
