// Reads the weights of CHGNet and packs them for its kernels.
#include <fmt/format.h>

#include "base/error.h"
#include "cif/stability/chgnet_parts.h"
#include "cif/stability/weights_file.h"

namespace anneal {

using namespace chgnet;

namespace {

PackedMatrix packed_columns(const WeightsFile& file, const std::vector<std::string>& names,
                            int from, int depth) {
  // [depth, 64 * names]: columns from..from+depth of each weight [64, in], transposed
  std::vector<const float*> rows;
  int in = 0;
  for (const auto& name : names) {
    const auto& tensor = file.tensor(name);
    rows.push_back(tensor.data);
    in = static_cast<int>(tensor.shape[1]);
  }
  return PackedMatrix(depth, F * static_cast<int>(names.size()),
                      [&](int k, int n) { return rows[n / F][(n % F) * in + from + k]; });
}

PackedMatrix packed_rows(const WeightsFile& file, const std::vector<std::string>& names, int from,
                         int width) {
  // the way back: [64 * names, width]
  std::vector<const float*> rows;
  int in = 0;
  for (const auto& name : names) {
    const auto& tensor = file.tensor(name);
    rows.push_back(tensor.data);
    in = static_cast<int>(tensor.shape[1]);
  }
  return PackedMatrix(F * static_cast<int>(names.size()), width,
                      [&](int k, int n) { return rows[k / F][(k % F) * in + from + n]; });
}

void copy_vector(const WeightsFile& file, const std::string& name, float* to, int count) {
  const auto& tensor = file.tensor(name);
  if (static_cast<int>(tensor.count()) != count) {
    throw DataError(fmt::format("{}: {} has {} values instead of {}", file.path().string(), name,
                                tensor.count(), count),
                    "make the file again with launch/chgnet_weights");
  }
  std::copy(tensor.data, tensor.data + count, to);
}

void read_norm(const WeightsFile& file, const std::string& prefix, GateNorm& norm) {
  copy_vector(file, prefix + ".bn1.weight", &norm.gain[0], F);
  copy_vector(file, prefix + ".bn2.weight", &norm.gain[F], F);
  copy_vector(file, prefix + ".bn1.bias", &norm.shift[0], F);
  copy_vector(file, prefix + ".bn2.bias", &norm.shift[F], F);
}

void read_tail(const WeightsFile& file, const std::string& prefix, GateTail& tail) {
  const std::string core = prefix + ".mlp_core.layers.3", gate = prefix + ".mlp_gate.layers.3";
  tail.core = packed_columns(file, {core + ".weight"}, 0, F);
  tail.gate = packed_columns(file, {gate + ".weight"}, 0, F);
  tail.core_back = packed_rows(file, {core + ".weight"}, 0, F);
  tail.gate_back = packed_rows(file, {gate + ".weight"}, 0, F);
  copy_vector(file, core + ".bias", &tail.bias[0], F);
  copy_vector(file, gate + ".bias", &tail.bias[F], F);
  read_norm(file, prefix, tail.norm);
}

/// A matrix [64, 31] for products with the padded basis, and its way back.
void read_basis(const WeightsFile& file, const std::string& name, PackedMatrix& forward,
                PackedMatrix& back) {
  const float* w = file.tensor(name).data;
  forward = PackedMatrix(
      kBasis, F, [&](int k, int n) { return w[n * kBasis + k]; }, kBasisPadded);
  back = PackedMatrix(F, kBasisPadded,
                      [&](int k, int n) { return n < kBasis ? w[k * kBasis + n] : 0.0f; });
}

template <class Layer>
void read_angle_parts(const WeightsFile& file, const std::vector<std::string>& first,
                      Layer& layer) {
  // in the order of the reference: bond i, bond j, angle, atom
  PackedMatrix* forward[] = {&layer.first, &layer.second, &layer.angle, &layer.atom};
  PackedMatrix* back[] = {&layer.first_back, &layer.second_back, &layer.angle_back,
                          &layer.atom_back};
  for (int part = 0; part < 4; ++part) {
    *forward[part] = packed_columns(file, first, part * F, F);
    *back[part] = packed_rows(file, first, part * F, F);
  }
}

}  // namespace

Chgnet Chgnet::load(const std::filesystem::path& path) {
  const auto file = WeightsFile::read(path);
  auto w = std::make_unique<Weights>();
  w->reference.resize(kMaxElement);
  copy_vector(file, "composition_model.fc.weight", w->reference.data(), kMaxElement);
  w->embedding.resize(kMaxElement * F);
  copy_vector(file, "atom_embedding.embedding.weight", w->embedding.data(), kMaxElement * F);
  copy_vector(file, "bond_basis_expansion.rbf_expansion_ag.frequencies", w->atom_frequencies.data(),
              kBasis);
  copy_vector(file, "bond_basis_expansion.rbf_expansion_bg.frequencies", w->bond_frequencies.data(),
              kBasis);
  copy_vector(file, "angle_basis_expansion.fourier_expansion.frequencies",
              w->angle_frequencies.data(), 15);
  w->atom_frequencies[kBasis] = w->bond_frequencies[kBasis] = w->angle_frequencies[15] = 0;
  read_basis(file, "bond_embedding.weight", w->bond_embedding, w->bond_embedding_back);
  read_basis(file, "bond_weights_ag.weight", w->atom_weights, w->atom_weights_back);
  read_basis(file, "bond_weights_bg.weight", w->bond_weights, w->bond_weights_back);
  read_basis(file, "angle_embedding.weight", w->angle_embedding, w->angle_embedding_back);
  const float* embed = file.tensor("bond_embedding.weight").data;  // [64, 31]
  for (int l = 0; l < kBlocks; ++l) {
    AtomLayer layer;
    const std::string prefix = fmt::format("atom_conv_layers.{}", l),
                      gated = prefix + ".twoBody_atom";
    const std::string core = gated + ".mlp_core.layers.0", gate = gated + ".mlp_gate.layers.0";
    const std::vector<std::string> first = {core + ".weight", gate + ".weight"};
    // in the order of the reference: atom, bond, neighbour
    layer.center = packed_columns(file, first, 0, F);
    layer.bond = packed_columns(file, first, F, F);
    layer.neighbor = packed_columns(file, first, 2 * F, F);
    layer.center_back = packed_rows(file, first, 0, F);
    layer.bond_back = packed_rows(file, first, F, F);
    layer.neighbor_back = packed_rows(file, first, 2 * F, F);
    std::vector<double> joined(kBasis * G);
    for (int n = 0; n < G; ++n) {
      const float* row = file.tensor(first[n / F]).data + (n % F) * 3 * F + F;
      for (int k = 0; k < kBasis; ++k) {
        double total = 0;
        for (int j = 0; j < F; ++j) total += static_cast<double>(row[j]) * embed[j * kBasis + k];
        joined[k * G + n] = total;
      }
    }
    layer.basis = PackedMatrix(
        kBasis, G, [&](int k, int n) { return joined[k * G + n]; }, kBasisPadded);
    layer.basis_back = PackedMatrix(
        G, kBasisPadded, [&](int k, int n) { return n < kBasis ? joined[n * G + k] : 0.0; });
    copy_vector(file, core + ".bias", &layer.bias[0], F);
    copy_vector(file, gate + ".bias", &layer.bias[F], F);
    read_tail(file, gated, layer.tail);
    layer.out = packed_columns(file, {prefix + ".mlp_out.layers.1.weight"}, 0, F);
    layer.out_back = packed_rows(file, {prefix + ".mlp_out.layers.1.weight"}, 0, F);
    w->atom.push_back(std::move(layer));
  }
  for (int l = 0; l < kBlocks - 1; ++l) {
    BondLayer layer;
    const std::string prefix = fmt::format("bond_conv_layers.{}", l),
                      gated = prefix + ".twoBody_bond";
    const std::string core = gated + ".mlp_core.layers.0", gate = gated + ".mlp_gate.layers.0";
    read_angle_parts(file, {core + ".weight", gate + ".weight"}, layer);
    copy_vector(file, core + ".bias", &layer.bias[0], F);
    copy_vector(file, gate + ".bias", &layer.bias[F], F);
    read_tail(file, gated, layer.tail);
    layer.out = packed_columns(file, {prefix + ".mlp_out.layers.1.weight"}, 0, F);
    layer.out_back = packed_rows(file, {prefix + ".mlp_out.layers.1.weight"}, 0, F);
    w->bond.push_back(std::move(layer));
  }
  // The last angle update changes nothing that is read afterwards.
  for (int l = 0; l < kBlocks - 2; ++l) {
    AngleLayer layer;
    const std::string gated = fmt::format("angle_layers.{}.twoBody_bond", l);
    const std::string core = gated + ".mlp_core.layers.1", gate = gated + ".mlp_gate.layers.1";
    read_angle_parts(file, {core + ".weight", gate + ".weight"}, layer);
    copy_vector(file, core + ".bias", &layer.bias[0], F);
    copy_vector(file, gate + ".bias", &layer.bias[F], F);
    read_norm(file, gated, layer.norm);
    w->angle.push_back(std::move(layer));
  }
  copy_vector(file, "site_wise.weight", w->magmom.data(), F);
  copy_vector(file, "site_wise.bias", &w->magmom_bias, 1);
  copy_vector(file, "readout_norm.weight", w->readout_gain.data(), F);
  copy_vector(file, "readout_norm.bias", w->readout_shift.data(), F);
  for (int l = 0; l < 3; ++l) {
    const std::string name = fmt::format("mlp.layers.{}", 2 * l);
    w->mlp[l] = packed_columns(file, {name + ".weight"}, 0, F);
    w->mlp_back[l] = packed_rows(file, {name + ".weight"}, 0, F);
    w->mlp_bias[l].resize(F);
    copy_vector(file, name + ".bias", w->mlp_bias[l].data(), F);
  }
  copy_vector(file, "mlp.layers.7.weight", w->last.data(), F);
  copy_vector(file, "mlp.layers.7.bias", &w->last_bias, 1);
  return Chgnet(std::move(w));
}

}  // namespace anneal
