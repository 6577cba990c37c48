#include <cmath>

#include "cif/stability/chgnet_basis.h"
#include "cif/stability/chgnet_kernels.h"
#include "cif/stability/chgnet_pass.h"

namespace anneal::chgnet {

Pass::Pass(const Weights& weights, Buffers& buffers, const std::vector<int>& numbers)
    : w(weights),
      b(buffers),
      graph(buffers.graph),
      atomic_numbers(numbers),
      A(graph.num_atoms),
      U(static_cast<int>(graph.bonds.size())),
      S(graph.num_short),
      L(static_cast<int>(graph.angles.size())) {
  h = sized(b.tile_h, kTile, G);
  y = sized(b.tile_y, kTile, G);
  m = sized(b.tile_m, kTile, F);
  gm = sized(b.tile_g, kTile, F);
  of_bond = sized(b.tile_b, kTile, G);
}

void Pass::embed() {
  radial = sized(b.radial, U, kBasisPadded);
  radial_slope = sized(b.radial_slope, U, kBasisPadded);
  for (int u = 0; u < U; ++u) {
    radial_basis(graph.bonds[u].length, kBondCutoff, w.atom_frequencies.data(),
                 radial + u * kBasisPadded, radial_slope + u * kBasisPadded);
  }
  short_radial = sized(b.short_radial, S, kBasisPadded);
  short_slope = sized(b.short_slope, S, kBasisPadded);
  for (int u = 0; u < S; ++u) {
    radial_basis(graph.bonds[u].length, kAngleCutoff, w.bond_frequencies.data(),
                 short_radial + u * kBasisPadded, short_slope + u * kBasisPadded);
  }
  fourier = sized(b.fourier, L, kBasisPadded);
  fourier_slope = sized(b.fourier_slope, L, kBasisPadded);
  angle_slope = sized(b.angle_slope, L, 1);  // of the angle by the (shrunk) cosine
  for (int l = 0; l < L; ++l) {
    const auto& angle = graph.angles[l];
    const double cosine = kCosineShrink * angle.first_sign * angle.second_sign *
                          cosine_of(graph.bonds[angle.first], graph.bonds[angle.second]);
    angle_slope[l] = static_cast<float>(-kCosineShrink / std::sqrt((1 - cosine) * (1 + cosine)));
    fourier_basis(std::acos(cosine), w.angle_frequencies.data(), fourier + l * kBasisPadded,
                  fourier_slope + l * kBasisPadded);
  }
  atom_weight = sized(b.atom_weight, U, F);
  multiply<Into::kStore>(U, radial, kBasisPadded, w.atom_weights, atom_weight, F);
  bond_weight = sized(b.bond_weight, S, F);
  multiply<Into::kStore>(S, short_radial, kBasisPadded, w.bond_weights, bond_weight, F);
  v = sized(b.v, A, F);
  for (int i = 0; i < A; ++i) {
    std::copy_n(&w.embedding[(atomic_numbers[i] - 1) * F], F, v + i * F);
  }
  e = sized(b.e, S, F);
  multiply<Into::kStore>(S, radial, kBasisPadded, w.bond_embedding, e, F);
  a = sized(b.a, L, F);
  multiply<Into::kStore>(L, fourier, kBasisPadded, w.angle_embedding, a, F);

  at_center = sized(b.at_center, A, G);
  at_neighbor = sized(b.at_neighbor, A, G);
  at_first = sized(b.at_first, S, G);
  at_second = sized(b.at_second, S, G);
}

void Pass::atom_forward(int l) {
  const AtomLayer& layer = w.atom[l];
  float* slope = sized(b.atom_slope[l], 2 * U, G);
  float* normal = sized(b.atom_normal[l], 2 * U, G);
  float* inverse = sized(b.atom_inverse[l], 2 * U, 2);
  fill_rows(at_center, A, layer.bias);
  multiply<Into::kAdd>(A, v, F, layer.center, at_center, G);
  multiply<Into::kStore>(A, v, F, layer.neighbor, at_neighbor, G);
  b.atom_sums.assign(static_cast<std::size_t>(A) * F, 0);
  for_bond_tiles([&](int begin, int count) {
    if (begin < S) {
      multiply<Into::kStore>(count, e + begin * F, F, layer.bond, of_bond, G);
    } else {
      multiply<Into::kStore>(count, radial + begin * kBasisPadded, kBasisPadded, layer.basis,
                             of_bond, G);
    }
    for (int t = 0; t < count; ++t) {
      const auto& bond = graph.bonds[begin + t];
      const float *ci = at_center + bond.i * G, *cj = at_center + bond.j * G;
      const float *ni = at_neighbor + bond.i * G, *nj = at_neighbor + bond.j * G;
      for (int k = 0; k < G; k += kLanes) {
        const Vec own = get(of_bond + t * G + k);
        store(h + 2 * t * G + k, get(ci + k) + own + get(nj + k));
        store(h + (2 * t + 1) * G + k, get(cj + k) + own + get(ni + k));
      }
    }
    const int rows = 2 * count;
    const std::size_t row = 2 * static_cast<std::size_t>(begin);
    silu_forward(rows, h, slope + row * G);
    second_forward(layer.tail, rows, h, y);
    norm_gate_forward(layer.tail.norm, rows, y, normal + row * G, inverse + row * 2, m);
    for (int t = 0; t < count; ++t) {
      const auto& bond = graph.bonds[begin + t];
      for (int k = 0; k < F; k += kLanes) {
        const Vec weight = get(atom_weight + (begin + t) * F + k);
        add_to(&b.atom_sums[bond.i * F + k], get(m + 2 * t * F + k) * weight);
        add_to(&b.atom_sums[bond.j * F + k], get(m + (2 * t + 1) * F + k) * weight);
      }
    }
  });
  float* sums = sized(b.sums, A, F);
  for (int k = 0; k < A * F; ++k) sums[k] = static_cast<float>(b.atom_sums[k]);
  multiply<Into::kAdd>(A, sums, F, layer.out, v, F);
}

void Pass::bond_forward(int l) {
  const BondLayer& layer = w.bond[l];
  float* slope = sized(b.bond_slope[l], L, G);
  float* normal = sized(b.bond_normal[l], L, G);
  float* inverse = sized(b.bond_inverse[l], L, 2);
  fill_rows(at_center, A, layer.bias);
  multiply<Into::kAdd>(A, v, F, layer.atom, at_center, G);
  multiply<Into::kStore>(S, e, F, layer.first, at_first, G);
  multiply<Into::kStore>(S, e, F, layer.second, at_second, G);
  fill_zero(b.sums, static_cast<std::size_t>(S) * F);
  for (int begin = 0; begin < L; begin += kTile) {
    const int rows = std::min(kTile, L - begin);
    const std::size_t row = begin;
    for (int t = 0; t < rows; ++t) {
      const auto& angle = graph.angles[begin + t];
      for (int k = 0; k < G; k += kLanes) {
        store(h + t * G + k, get(at_first + angle.first * G + k) +
                                 get(at_second + angle.second * G + k) +
                                 get(at_center + angle.atom * G + k));
      }
    }
    multiply<Into::kAdd>(rows, a + row * F, F, layer.angle, h, G);
    silu_forward(rows, h, slope + row * G);
    second_forward(layer.tail, rows, h, y);
    norm_gate_forward(layer.tail.norm, rows, y, normal + row * G, inverse + row * 2, m);
    for (int t = 0; t < rows; ++t) {
      const auto& angle = graph.angles[begin + t];
      for (int k = 0; k < F; k += kLanes) {
        add_to(&b.sums[angle.first * F + k], get(m + t * F + k) *
                                                 get(bond_weight + angle.first * F + k) *
                                                 get(bond_weight + angle.second * F + k));
      }
    }
  }
  multiply<Into::kAdd>(S, b.sums.data(), F, layer.out, e, F);
}

void Pass::angle_forward(int l) {
  const AngleLayer& layer = w.angle[l];
  float* normal = sized(b.angle_normal[l], L, G);
  float* inverse = sized(b.angle_inverse[l], L, 2);
  fill_rows(at_center, A, layer.bias);
  multiply<Into::kAdd>(A, v, F, layer.atom, at_center, G);
  multiply<Into::kStore>(S, e, F, layer.first, at_first, G);
  multiply<Into::kStore>(S, e, F, layer.second, at_second, G);
  for (int begin = 0; begin < L; begin += kTile) {
    const int rows = std::min(kTile, L - begin);
    const std::size_t row = begin;
    for (int t = 0; t < rows; ++t) {
      const auto& angle = graph.angles[begin + t];
      for (int k = 0; k < G; k += kLanes) {
        store(y + t * G + k, get(at_first + angle.first * G + k) +
                                 get(at_second + angle.second * G + k) +
                                 get(at_center + angle.atom * G + k));
      }
    }
    multiply<Into::kAdd>(rows, a + row * F, F, layer.angle, y, G);
    norm_gate_forward(layer.norm, rows, y, normal + row * G, inverse + row * 2, m);
    for (int k = 0; k < rows * F; k += kLanes) add_to(a + row * F + k, get(m + k));
  }
}

void Pass::forward(std::vector<double>& magmoms) {
  for (int l = 0; l < kBlocks - 1; ++l) {
    atom_forward(l);
    if (L > 0) {
      bond_forward(l);
      if (l < kBlocks - 2) angle_forward(l);
    }
  }
  for (int i = 0; i < A; ++i) {
    magmoms[i] = std::abs(dot_row(v + i * F, w.magmom.data(), F) + w.magmom_bias);
  }
  atom_forward(kBlocks - 1);
}

double Pass::read_out() {
  x = sized(b.read_x, A, F);
  x2 = sized(b.read_y, A, F);
  read_normal = sized(b.read_normal, A, F);
  read_inverse = sized(b.read_inverse, A, 1);
  for (int i = 0; i < A; ++i) {
    Vec total{}, squares{};
    for (int k = 0; k < F; k += kLanes) total += get(v + i * F + k);
    const float mean = sum(total) * (1.0f / F);
    for (int k = 0; k < F; k += kLanes) {
      const Vec d = get(v + i * F + k) - mean;
      squares += d * d;
    }
    read_inverse[i] = 1.0f / std::sqrt(sum(squares) * (1.0f / F) + 1e-5f);
    for (int k = 0; k < F; k += kLanes) {
      const Vec normalised = (get(v + i * F + k) - mean) * read_inverse[i];
      store(read_normal + i * F + k, normalised);
      store(x + i * F + k, normalised * get(&w.readout_gain[k]) + get(&w.readout_shift[k]));
    }
  }
  for (int l = 0; l < 3; ++l) {
    float* slope = sized(b.read_slope[l], A, F);
    fill_rows(x2, A, w.mlp_bias[l]);
    multiply<Into::kAdd>(A, x, F, w.mlp[l], x2, F);
    for (int k = 0; k < A * F; k += kLanes) {
      const Vec in = get(x2 + k), s = sigmoid(in), out = in * s;
      store(x2 + k, out);
      store(slope + k, s + out * (1.0f - s));
    }
    std::swap(x, x2);
  }
  double energy = 0, reference = 0;
  for (int i = 0; i < A; ++i) {
    energy += dot_row(x + i * F, w.last.data(), F) + w.last_bias;
    reference += w.reference[atomic_numbers[i] - 1];
  }
  return energy + reference;
}

}  // namespace anneal::chgnet
