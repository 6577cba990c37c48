#include "cif/stability/chgnet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/flush_denormals.h"
#include "cif/for_each_index.h"
#include "cif/stability/chgnet_pass.h"

namespace anneal {

namespace {

constexpr double kGpa = 160.21766208;  // 1 eV/A^3, as in the reference

}  // namespace

Chgnet::Chgnet(std::unique_ptr<const Weights> weights) : weights_(std::move(weights)) {}
Chgnet::~Chgnet() = default;
Chgnet::Chgnet(Chgnet&&) noexcept = default;
Chgnet& Chgnet::operator=(Chgnet&&) noexcept = default;
Chgnet::Workspace::Workspace() : buffers_(std::make_unique<Buffers>()) {}
Chgnet::Workspace::~Workspace() = default;

double Prediction::max_force() const {
  double largest = 0;
  for (const auto& f : forces) largest = std::max(largest, f[0] * f[0] + f[1] * f[1] + f[2] * f[2]);
  return std::sqrt(largest);
}

std::filesystem::path chgnet_weights_path() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value ? value : "");
  };
  if (const auto given = variable("ANNEAL_CHGNET"); !given.empty()) return given;
  std::filesystem::path cache = variable("XDG_CACHE_HOME");
  if (cache.empty()) cache = std::filesystem::path(variable("HOME")) / ".cache";
  return cache / "anneal" / "chgnet_0.3.0.safetensors";
}

void Chgnet::predict(const PeriodicAtoms& atoms, Workspace& workspace, Prediction& result) const {
  auto& b = *workspace.buffers_;
  const int A = static_cast<int>(atoms.size());
  result.fault.clear();
  result.forces.assign(A, {});
  result.magmoms.assign(A, 0);
  result.stress = {};
  if (A == 0) {
    result.fault = "no atoms";
    return;
  }
  for (int z : atoms.atomic_numbers) {
    if (z < 1 || z > kMaxElement) {
      result.fault = fmt::format("element {} is unknown to CHGNet", z);
      return;
    }
  }
  const FlushDenormals flush;
  CrystalGraph& graph = b.graph;
  result.fault = build_graph(atoms, graph);
  if (!result.fault.empty()) return;
  result.isolated_atoms = graph.isolated_atoms;
  chgnet::Pass pass(*weights_, b, atoms.atomic_numbers);
  pass.embed();
  pass.forward(result.magmoms);
  result.energy_per_atom = pass.read_out() / A;
  pass.backward();
  pass.to_bond_vectors();

  const int U = static_cast<int>(graph.bonds.size());
  for (int u = 0; u < U; ++u) {
    const auto& bond = graph.bonds[u];
    for (int k = 0; k < 3; ++k) {
      const double g = b.g_vector[u][k];
      result.forces[bond.i][k] -= g;
      result.forces[bond.j][k] += g;
      for (int j = 0; j < 3; ++j) result.stress[j][k] += bond.vector[j] * g;
    }
  }
  const double scale = kGpa / volume_a3(atoms.cell);
  bool finite = std::isfinite(result.energy_per_atom);
  for (auto& line : result.stress) {
    for (auto& s : line) finite = std::isfinite(s *= scale) && finite;
  }
  for (const auto& f : result.forces) finite = finite && std::isfinite(f[0] + f[1] + f[2]);
  if (!finite) result.fault = "the network's result is not finite";
}

std::vector<Prediction> Chgnet::predict(const std::vector<PeriodicAtoms>& crystals,
                                        int threads) const {
  std::vector<Prediction> results(crystals.size());
  for_each_index_with<Workspace>(crystals.size(), threads, [&](std::size_t i, Workspace& workspace) {
    predict(crystals[i], workspace, results[i]);
  });
  return results;
}

}  // namespace anneal
