// CHGNet's parameters and the buffers of a pass, in the shapes that its kernels want
// (chgnet_kernels.h). All tensors are [rows, features] of 64 features; a gated pair of layers
// ("core" and "gate") is computed side by side as 128.
//
// Shape legend: A atoms, U bonds, S short bonds (<= 3 Angstrom, first among the bonds), L angles.
#pragma once

#include <array>
#include <vector>

#include "cif/stability/chgnet.h"
#include "cif/stability/vector_math.h"

namespace anneal::chgnet {

using namespace vec;

constexpr int F = 64;   // features
constexpr int G = 128;  // core and gate
constexpr int kBasis = 31, kBasisPadded = 32;
constexpr int kBlocks = 4;
constexpr int kTile = 48;  // rows of a tile

/// The layer normalisations of a gated pair: core in 0..63, gate in 64..127.
struct GateNorm {
  Floats gain = Floats(G), shift = Floats(G);
};

/// The second layer of a gated pair, its bias and norms.
struct GateTail {
  PackedMatrix core, gate, core_back, gate_back;
  Floats bias = Floats(G);
  GateNorm norm;
};
struct AtomLayer {
  PackedMatrix center, neighbor, bond, basis;  // to core and gate; `basis`: bond after embedding
  PackedMatrix center_back, neighbor_back, bond_back, basis_back;
  Floats bias = Floats(G);  // of the first layer
  GateTail tail;
  PackedMatrix out, out_back;
};

struct BondLayer {
  PackedMatrix first, second, angle, atom;
  PackedMatrix first_back, second_back, angle_back, atom_back;
  Floats bias = Floats(G);
  GateTail tail;
  PackedMatrix out, out_back;
};

struct AngleLayer {
  PackedMatrix first, second, angle, atom;
  PackedMatrix first_back, second_back, angle_back, atom_back;
  Floats bias = Floats(G);
  GateNorm norm;
};

struct Weights {
  Floats reference;  // eV an atom, by atomic number - 1
  Floats embedding;  // [94, 64]
  Floats atom_frequencies = Floats(kBasisPadded), bond_frequencies = Floats(kBasisPadded);
  Floats angle_frequencies = Floats(16);
  PackedMatrix bond_embedding, bond_embedding_back;  // [31, 64] and back
  PackedMatrix atom_weights, atom_weights_back;      // bond_weights_ag
  PackedMatrix bond_weights, bond_weights_back;      // bond_weights_bg
  PackedMatrix angle_embedding, angle_embedding_back;
  std::vector<AtomLayer> atom;
  std::vector<BondLayer> bond;
  std::vector<AngleLayer> angle;
  Floats magmom = Floats(F);
  float magmom_bias = 0;
  Floats readout_gain = Floats(F), readout_shift = Floats(F);
  PackedMatrix mlp[3], mlp_back[3];
  Floats mlp_bias[3];
  Floats last = Floats(F);
  float last_bias = 0;
};

struct Buffers {
  CrystalGraph graph;
  // the basis: radial functions [U, 32], their derivatives by the length, and the angles'
  Floats radial, radial_slope, short_radial, short_slope, fourier, fourier_slope, angle_slope;
  Floats atom_weight, bond_weight;  // [U, 64], [S, 64]
  Floats v, e, a;                   // features
  Floats at_center, at_neighbor, at_first,
      at_second;                  // first layers, by atom or short bond, [., 128]
  Floats sums;                    // messages, [A or S, 64]
  std::vector<double> atom_sums;  // of hundreds of neighbours: in double precision, [A, 64]
  // what the backward pass needs, by layer: derivative of the first activation, normalised values,
  // 1/deviation
  Floats atom_slope[kBlocks], atom_normal[kBlocks], atom_inverse[kBlocks];
  Floats bond_slope[kBlocks - 1], bond_normal[kBlocks - 1], bond_inverse[kBlocks - 1];
  Floats angle_normal[kBlocks - 2], angle_inverse[kBlocks - 2];
  Floats read_normal, read_inverse, read_x, read_y, read_slope[3];
  // gradients
  Floats gv, ge, ga, g_atom_weight, g_bond_weight, g_radial, g_short_radial, g_sums;
  Floats g_center, g_neighbor, g_bond, g_first, g_second, g_fourier;
  std::vector<std::array<double, 3>> g_vector;
  Floats tile_h, tile_y, tile_m, tile_g, tile_b;
};

}  // namespace anneal::chgnet

namespace anneal {

struct Chgnet::Weights : chgnet::Weights {};
struct Chgnet::Workspace::Buffers : chgnet::Buffers {};

}  // namespace anneal
