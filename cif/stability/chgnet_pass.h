// One crystal through the network, forth and back.
//
// Two identities keep it small. A layer applied to [x_i, x_j, x_b] in a row is the sum of three
// products, so that atoms and bonds are multiplied once each, not once for every edge they take
// part in. And bonds longer than 3 Angstrom never get a message, so that what the layers do to them
// is a product with the 31 radial functions. Weights are constants: the backward pass carries
// gradients of features only. What it needs of the forward pass is the derivative of the first
// activation and the normalised values; all else is computed again in tiles that stay in the first
// cache.
#pragma once

#include <algorithm>
#include <vector>

#include "cif/stability/chgnet_parts.h"

namespace anneal::chgnet {

class Pass {
 public:
  /// `buffers.graph` holds the graph; sizes the buffers.
  Pass(const Weights& weights, Buffers& buffers, const std::vector<int>& atomic_numbers);

  void embed();
  /// All layers; absolute magnetic moments [A], Bohr magnetons.
  void forward(std::vector<double>& magmoms);
  /// Energy of the cell, eV.
  double read_out();
  /// From the energy back to the basis.
  void backward();
  /// From the basis to `buffers.g_vector`: the energy's derivatives by the bond vectors, eV/A.
  void to_bond_vectors();

 private:
  void atom_forward(int l);
  void bond_forward(int l);
  void angle_forward(int l);
  void read_out_backward();
  void atom_backward(int l);
  void bond_backward(int l);
  void angle_backward(int l);
  /// The gradients of the first layers, summed up by atom and bond, go on to their inputs.
  template <class Layer>
  void to_inputs(const Layer& layer);
  void scatter_rows(int begin, int rows, const float* g);
  void clear_sums();

  /// Bonds are taken in tiles of half the rows: each gives a message in both directions. A tile has
  /// either short bonds only or long ones only.
  template <class Visit>
  void for_bond_tiles(Visit visit) {
    for (int begin = 0; begin < U;) {
      const int end = std::min(begin + kTile / 2, begin < S ? S : U);
      visit(begin, end - begin);
      begin = end;
    }
  }

  const Weights& w;
  Buffers& b;
  const CrystalGraph& graph;
  const std::vector<int>& atomic_numbers;
  const int A, U, S, L;
  float *h, *y, *m, *gm, *of_bond;  // tiles
  float *radial, *radial_slope, *short_radial, *short_slope;
  float *fourier, *fourier_slope, *angle_slope;
  float *atom_weight, *bond_weight, *v, *e, *a;
  float *at_center, *at_neighbor, *at_first, *at_second;
  float *read_normal, *read_inverse, *x, *x2;
  float *gv, *ge, *ga, *g_radial, *g_atom_weight, *g_bond_weight, *g_sums;
};

}  // namespace anneal::chgnet
