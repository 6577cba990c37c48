#include <algorithm>
#include <cmath>

#include "cif/stability/chgnet_basis.h"
#include "cif/stability/chgnet_kernels.h"
#include "cif/stability/chgnet_pass.h"

namespace anneal::chgnet {

void Pass::read_out_backward() {
  for (int i = 0; i < A; ++i) std::copy(w.last.begin(), w.last.end(), x + i * F);
  for (int l = 2; l >= 0; --l) {
    for (int k = 0; k < A * F; k += kLanes) store(x + k, get(x + k) * get(&b.read_slope[l][k]));
    multiply<Into::kStore>(A, x, F, w.mlp_back[l], x2, F);
    std::swap(x, x2);
  }
  gv = sized(b.gv, A, F);
  for (int i = 0; i < A; ++i) {
    Vec total{}, product{};
    for (int k = 0; k < F; k += kLanes) {
      const Vec g = get(x + i * F + k) * get(&w.readout_gain[k]);
      store(gv + i * F + k, g);
      total += g;
      product += g * get(read_normal + i * F + k);
    }
    const float mean = sum(total) * (1.0f / F), slope = sum(product) * (1.0f / F);
    for (int k = 0; k < F; k += kLanes) {
      store(gv + i * F + k,
            (get(gv + i * F + k) - mean - get(read_normal + i * F + k) * slope) * read_inverse[i]);
    }
  }
  fill_zero(b.ge, static_cast<std::size_t>(std::max(S, 1)) * F);
  fill_zero(b.ga, static_cast<std::size_t>(std::max(L, 1)) * F);
  fill_zero(b.g_atom_weight, static_cast<std::size_t>(std::max(U, 1)) * F);
  fill_zero(b.g_bond_weight, static_cast<std::size_t>(std::max(S, 1)) * F);
  fill_zero(b.g_radial, static_cast<std::size_t>(std::max(U, 1)) * kBasisPadded);
  ge = b.ge.data();
  ga = b.ga.data();
  g_radial = b.g_radial.data();
  g_atom_weight = b.g_atom_weight.data();
  g_bond_weight = b.g_bond_weight.data();
  g_sums = sized(b.g_sums, std::max(A, S), F);
}

void Pass::atom_backward(int l) {
  const AtomLayer& layer = w.atom[l];
  const float *slope = b.atom_slope[l].data(), *normal = b.atom_normal[l].data(),
              *inverse = b.atom_inverse[l].data();
  multiply<Into::kStore>(A, gv, F, layer.out_back, g_sums, F);
  fill_zero(b.g_center, static_cast<std::size_t>(A) * G);
  fill_zero(b.g_neighbor, static_cast<std::size_t>(A) * G);
  float *g_center = b.g_center.data(), *g_neighbor = b.g_neighbor.data();
  for_bond_tiles([&](int begin, int count) {
    const int rows = 2 * count;
    const std::size_t row = 2 * static_cast<std::size_t>(begin);
    for (int t = 0; t < count; ++t) {
      const auto& bond = graph.bonds[begin + t];
      for (int k = 0; k < F; k += kLanes) {
        const Vec weight = get(atom_weight + (begin + t) * F + k);
        store(gm + 2 * t * F + k, get(g_sums + bond.i * F + k) * weight);
        store(gm + (2 * t + 1) * F + k, get(g_sums + bond.j * F + k) * weight);
      }
    }
    norm_gate_backward(layer.tail.norm, rows, normal + row * G, inverse + row * 2, gm, y, m);
    second_backward(layer.tail, rows, y, slope + row * G, h);
    for (int t = 0; t < count; ++t) {
      const auto& bond = graph.bonds[begin + t];
      for (int k = 0; k < F; k += kLanes) {
        add_to(g_atom_weight + (begin + t) * F + k,
               get(g_sums + bond.i * F + k) * get(m + 2 * t * F + k) +
                   get(g_sums + bond.j * F + k) * get(m + (2 * t + 1) * F + k));
      }
      for (int k = 0; k < G; k += kLanes) {
        const Vec forth = get(h + 2 * t * G + k), back = get(h + (2 * t + 1) * G + k);
        store(of_bond + t * G + k, forth + back);
        add_to(g_center + bond.i * G + k, forth);
        add_to(g_neighbor + bond.j * G + k, forth);
        add_to(g_center + bond.j * G + k, back);
        add_to(g_neighbor + bond.i * G + k, back);
      }
    }
    if (begin < S) {
      multiply<Into::kAdd>(count, of_bond, G, layer.bond_back, ge + begin * F, F);
    } else {
      multiply<Into::kAdd>(count, of_bond, G, layer.basis_back, g_radial + begin * kBasisPadded,
                           kBasisPadded);
    }
  });
  multiply<Into::kAdd>(A, g_center, G, layer.center_back, gv, F);
  multiply<Into::kAdd>(A, g_neighbor, G, layer.neighbor_back, gv, F);
}

template <class Layer>
void Pass::to_inputs(const Layer& layer) {
  multiply<Into::kAdd>(A, b.g_center.data(), G, layer.atom_back, gv, F);
  multiply<Into::kAdd>(S, b.g_first.data(), G, layer.first_back, ge, F);
  multiply<Into::kAdd>(S, b.g_second.data(), G, layer.second_back, ge, F);
}

void Pass::scatter_rows(int begin, int rows, const float* g) {
  for (int t = 0; t < rows; ++t) {
    const auto& angle = graph.angles[begin + t];
    add_row(G, g + t * G, &b.g_first[angle.first * G]);
    add_row(G, g + t * G, &b.g_second[angle.second * G]);
    add_row(G, g + t * G, &b.g_center[angle.atom * G]);
  }
}

void Pass::clear_sums() {
  fill_zero(b.g_center, static_cast<std::size_t>(A) * G);
  fill_zero(b.g_first, static_cast<std::size_t>(S) * G);
  fill_zero(b.g_second, static_cast<std::size_t>(S) * G);
}

void Pass::bond_backward(int l) {
  const BondLayer& layer = w.bond[l];
  const float *slope = b.bond_slope[l].data(), *normal = b.bond_normal[l].data(),
              *inverse = b.bond_inverse[l].data();
  multiply<Into::kStore>(S, ge, F, layer.out_back, g_sums, F);
  clear_sums();
  for (int begin = 0; begin < L; begin += kTile) {
    const int rows = std::min(kTile, L - begin);
    const std::size_t row = begin;
    for (int t = 0; t < rows; ++t) {
      const auto& angle = graph.angles[begin + t];
      for (int k = 0; k < F; k += kLanes) {
        store(gm + t * F + k, get(g_sums + angle.first * F + k) *
                                  get(bond_weight + angle.first * F + k) *
                                  get(bond_weight + angle.second * F + k));
      }
    }
    norm_gate_backward(layer.tail.norm, rows, normal + row * G, inverse + row * 2, gm, y, m);
    second_backward(layer.tail, rows, y, slope + row * G, h);
    for (int t = 0; t < rows; ++t) {
      const auto& angle = graph.angles[begin + t];
      for (int k = 0; k < F; k += kLanes) {
        const Vec outer = get(g_sums + angle.first * F + k) * get(m + t * F + k);
        add_to(g_bond_weight + angle.first * F + k,
               outer * get(bond_weight + angle.second * F + k));
        add_to(g_bond_weight + angle.second * F + k,
               outer * get(bond_weight + angle.first * F + k));
      }
    }
    scatter_rows(begin, rows, h);
    multiply<Into::kAdd>(rows, h, G, layer.angle_back, ga + row * F, F);
  }
  to_inputs(layer);
}

void Pass::angle_backward(int l) {
  const AngleLayer& layer = w.angle[l];
  const float *normal = b.angle_normal[l].data(), *inverse = b.angle_inverse[l].data();
  clear_sums();
  for (int begin = 0; begin < L; begin += kTile) {
    const int rows = std::min(kTile, L - begin);
    const std::size_t row = begin;
    norm_gate_backward(layer.norm, rows, normal + row * G, inverse + row * 2, ga + row * F, y, m);
    scatter_rows(begin, rows, y);
    multiply<Into::kAdd>(rows, y, G, layer.angle_back, ga + row * F, F);
  }
  to_inputs(layer);
}

void Pass::backward() {
  read_out_backward();

  atom_backward(kBlocks - 1);
  for (int l = kBlocks - 2; l >= 0; --l) {
    if (L > 0) {
      if (l < kBlocks - 2) angle_backward(l);
      bond_backward(l);
    }
    atom_backward(l);
  }
}

void Pass::to_bond_vectors() {
  multiply<Into::kAdd>(U, g_atom_weight, F, w.atom_weights_back, g_radial, kBasisPadded);
  multiply<Into::kAdd>(S, ge, F, w.bond_embedding_back, g_radial, kBasisPadded);
  float* g_short_radial = sized(b.g_short_radial, S, kBasisPadded);
  multiply<Into::kStore>(S, g_bond_weight, F, w.bond_weights_back, g_short_radial, kBasisPadded);
  float* g_fourier = sized(b.g_fourier, L, kBasisPadded);
  multiply<Into::kStore>(L, ga, F, w.angle_embedding_back, g_fourier, kBasisPadded);
  b.g_vector.assign(U, {});
  for (int u = 0; u < U; ++u) {
    float g = dot_row(g_radial + u * kBasisPadded, radial_slope + u * kBasisPadded, kBasisPadded);
    if (u < S)
      g += dot_row(g_short_radial + u * kBasisPadded, short_slope + u * kBasisPadded, kBasisPadded);
    const auto& bond = graph.bonds[u];
    for (int k = 0; k < 3; ++k) b.g_vector[u][k] = g * bond.vector[k] / bond.length;
  }
  for (int l = 0; l < L; ++l) {
    const auto& angle = graph.angles[l];
    const auto &p = graph.bonds[angle.first], &q = graph.bonds[angle.second];
    const double g = static_cast<double>(dot_row(g_fourier + l * kBasisPadded,
                                                 fourier_slope + l * kBasisPadded, kBasisPadded)) *
                     angle_slope[l] * angle.first_sign * angle.second_sign;
    const double cosine = cosine_of(p, q), inverse_p = 1 / p.length, inverse_q = 1 / q.length;
    for (int k = 0; k < 3; ++k) {
      const double dp = p.vector[k] * inverse_p, dq = q.vector[k] * inverse_q;
      b.g_vector[angle.first][k] += g * (dq - cosine * dp) * inverse_p;
      b.g_vector[angle.second][k] += g * (dp - cosine * dq) * inverse_q;
    }
  }
}

}  // namespace anneal::chgnet
