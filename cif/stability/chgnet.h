// CHGNet 0.3.0 (Deng, Zhong, Jun, Riebesell, Han, Bartel, Ceder, Nature Machine Intelligence 5,
// 1031 (2023)): energy, forces, stress and magnetic moments of a crystal, in single precision as in
// the reference (package chgnet 0.3.8), with a backward pass written by hand. docs/numerics.md says
// how near the two are.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cif/stability/crystal_graph.h"

namespace anneal {

struct Prediction {
  double energy_per_atom = 0;                     ///< eV
  std::vector<std::array<double, 3>> forces;      ///< eV/A
  std::array<std::array<double, 3>, 3> stress{};  ///< GPa, positive where the cell wants to shrink
  std::vector<double> magmoms;                    ///< Bohr magnetons, absolute values
  int isolated_atoms = 0;  ///< atoms without neighbours within 6 A: the network never learned these
  std::string fault;       ///< why there is no prediction; "" if there is one
  double max_force() const;  ///< largest norm, eV/A; 0 without atoms
};

class Chgnet {
 public:
  /// Reads the weights from a safetensors file as launch/chgnet_weights writes it. Throws
  /// DataError.
  static Chgnet load(const std::filesystem::path& weights);
  ~Chgnet();
  Chgnet(Chgnet&&) noexcept;
  Chgnet& operator=(Chgnet&&) noexcept;

  /// Buffers of one thread; they grow to the largest crystal seen and are used again.
  class Workspace {
   public:
    Workspace();
    ~Workspace();
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;

   private:
    friend class Chgnet;
    struct Buffers;
    std::unique_ptr<Buffers> buffers_;
  };

  /// Energy, forces, stress and magnetic moments. Thread-safe for different workspaces. A crystal
  /// that the network cannot judge (elements beyond 94, no volume, atoms in the same place, too
  /// many bonds, a result that is not finite) gives a fault, not an exception.
  void predict(const PeriodicAtoms& atoms, Workspace& workspace, Prediction& result) const;

  /// The same for many crystals, shared out over `threads` (0: one a core). The results do not
  /// depend on how many there are.
  std::vector<Prediction> predict(const std::vector<PeriodicAtoms>& crystals,
                                  int threads = 0) const;

  static constexpr int kMaxElement = 94;

 private:
  struct Weights;
  explicit Chgnet(std::unique_ptr<const Weights> weights);
  std::unique_ptr<const Weights> weights_;
};

/// Where the weights are looked for: $ANNEAL_CHGNET, else $XDG_CACHE_HOME/anneal or
/// ~/.cache/anneal, chgnet_0.3.0.safetensors.
std::filesystem::path chgnet_weights_path();

}  // namespace anneal
