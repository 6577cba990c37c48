// The network's layers and their backward pass. All tensors are [rows, features] of 64 features; a
// gated pair of layers ("core" and "gate") is computed side by side as 128.
//
// Shape legend: A atoms, U bonds, S short bonds (<= 3 Angstrom, first among the bonds), L angles.
//
// Two identities keep it small. A layer applied to [x_i, x_j, x_b] in a row is the sum of three
// products, so that atoms and bonds are multiplied once each, not once for every edge they take
// part in. And bonds longer than 3 Angstrom never get a message, so that what the layers do to them
// is a product with the 31 radial functions. Weights are constants: the backward pass carries
// gradients of features only. What it needs of the forward pass is the derivative of the first
// activation and the normalised values; all else is computed again in tiles that stay in the first
// cache.
#include "cif/stability/chgnet.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <thread>

#include "base/error.h"
#include "cif/stability/vector_math.h"
#include "cif/stability/weights_file.h"

namespace anneal {
namespace {

using namespace vec;

constexpr int F = 64;   // features
constexpr int G = 128;  // core and gate
constexpr int kBasis = 31, kBasisPadded = 32;
constexpr int kBlocks = 4;
constexpr int kTile = 48;              // rows of a tile
constexpr double kGpa = 160.21766208;  // 1 eV/A^3, as in the reference

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

/// m = silu(norm(y core)) * sigmoid(norm(y gate)); keeps the normalised values and 1 / deviation.
void norm_gate_forward(const GateNorm& norm, int rows, const float* y, float* normalised,
                       float* inverse, float* m) {
  for (int r = 0; r < rows; ++r, y += G, normalised += G, inverse += 2, m += F) {
    for (int half = 0; half < 2; ++half) {
      const float* in = y + half * F;
      Vec total{}, squares{};
      for (int k = 0; k < F; k += kLanes) total += get(in + k);
      const float mean = sum(total) * (1.0f / F);
      for (int k = 0; k < F; k += kLanes) {
        const Vec d = get(in + k) - mean;
        squares += d * d;
      }
      const float scale = 1.0f / std::sqrt(sum(squares) * (1.0f / F) + 1e-5f);
      inverse[half] = scale;
      for (int k = 0; k < F; k += kLanes)
        store(normalised + half * F + k, (get(in + k) - mean) * scale);
    }
    for (int k = 0; k < F; k += kLanes) {
      const Vec c = get(normalised + k) * get(&norm.gain[k]) + get(&norm.shift[k]);
      const Vec g = get(normalised + F + k) * get(&norm.gain[F + k]) + get(&norm.shift[F + k]);
      // c sigmoid(c) sigmoid(g) with one division
      store(m + k, c / ((1.0f + exp(-c)) * (1.0f + exp(-g))));
    }
  }
}

/// From the gradient of m [rows, 64] that of y [rows, 128]; gives m again.
void norm_gate_backward(const GateNorm& norm, int rows, const float* normalised,
                        const float* inverse, const float* gm, float* gy, float* m) {
  for (int r = 0; r < rows; ++r, normalised += G, inverse += 2, gm += F, gy += G, m += F) {
    Vec total[2] = {}, product[2] = {};
    for (int k = 0; k < F; k += kLanes) {
      const Vec hc = get(normalised + k), hg = get(normalised + F + k);
      const Vec c = hc * get(&norm.gain[k]) + get(&norm.shift[k]);
      const Vec g = hg * get(&norm.gain[F + k]) + get(&norm.shift[F + k]);
      const Vec sc = sigmoid(c), sg = sigmoid(g);
      const Vec silu = c * sc;
      store(m + k, silu * sg);
      const Vec outer = get(gm + k);
      const Vec dc = outer * sg * (sc + silu * (1.0f - sc)) * get(&norm.gain[k]);
      const Vec dg = outer * silu * sg * (1.0f - sg) * get(&norm.gain[F + k]);
      total[0] += dc;
      product[0] += dc * hc;
      total[1] += dg;
      product[1] += dg * hg;
      store(gy + k, dc);
      store(gy + F + k, dg);
    }
    for (int half = 0; half < 2; ++half) {
      const float mean = sum(total[half]) * (1.0f / F), slope = sum(product[half]) * (1.0f / F);
      for (int k = half * F; k < half * F + F; k += kLanes) {
        store(gy + k, (get(gy + k) - mean - get(normalised + k) * slope) * inverse[half]);
      }
    }
  }
}

/// h [rows, 128] becomes silu(h); its derivative goes to `slope`.
void silu_forward(int rows, float* h, float* slope) {
  for (int k = 0; k < rows * G; k += kLanes) {
    const Vec x = get(h + k);
    const Vec s = sigmoid(x);
    const Vec y = x * s;
    store(h + k, y);
    store(slope + k, s + y * (1.0f - s));
  }
}

/// y [rows, 128] = the second layers of s [rows, 128].
void second_forward(const GateTail& tail, int rows, const float* s, float* y) {
  for (int r = 0; r < rows; ++r) {
    for (int k = 0; k < G; k += kLanes) store(y + r * G + k, get(&tail.bias[k]));
  }
  multiply<Into::kAdd>(rows, s, G, tail.core, y, G);
  multiply<Into::kAdd>(rows, s + F, G, tail.gate, y + F, G);
}

/// gh [rows, 128] = gy through the second layers and the first activation.
void second_backward(const GateTail& tail, int rows, const float* gy, const float* slope,
                     float* gh) {
  multiply<Into::kStore>(rows, gy, G, tail.core_back, gh, G);
  multiply<Into::kStore>(rows, gy + F, G, tail.gate_back, gh + F, G);
  for (int k = 0; k < rows * G; k += kLanes) store(gh + k, get(gh + k) * get(slope + k));
}

inline void add_row(int width, const float* from, float* to) {
  for (int k = 0; k < width; k += kLanes) add_to(to + k, get(from + k));
}

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

}  // namespace

struct Chgnet::Weights {
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

struct Chgnet::Workspace::Buffers {
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

namespace {

// --- weights
// --------------------------------------------------------------------------------------------

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

namespace {

// --- basis
// ----------------------------------------------------------------------------------------------

/// Radial functions env(r) sqrt(2/c) sin(f r / c) / r of a length [32, the last 0] and their
/// derivatives; env = 1 - 45 x^8 + 80 x^9 - 36 x^10 for x = r / c < 1, 0 beyond. Near 1 these terms
/// cancel, so it is taken as (1 - x)^3 times a polynomial without signs.
void radial_basis(double r, double cutoff, const float* frequencies, float* value, float* slope) {
  const double x = r / cutoff, inverse = 1 / cutoff, rest = 1 - x;
  double env = 0, env_slope = 0;
  if (x < 1) {
    const double polynomial =
        1 + x * (3 + x * (6 + x * (10 + x * (15 + x * (21 + x * (28 + x * 36))))));
    const double x2 = x * x;
    env = rest * rest * rest * polynomial;
    env_slope = -360 * x2 * x2 * x2 * x * rest * rest * inverse;
  }
  const double norm = std::sqrt(2 / cutoff) / r;
  // value = env norm sin; slope = (env' norm - env norm / r) sin + env norm f / c cos
  const Vec of_value = splat(static_cast<float>(env * norm));
  const Vec of_sine = splat(static_cast<float>((env_slope - env / r) * norm));
  const Vec of_cosine = splat(static_cast<float>(env * norm * inverse));
  for (int k = 0; k < kBasisPadded; k += kLanes) {
    const Vec f = get(frequencies + k);
    Vec s, c;
    sincos(f, x, s, c);
    store(value + k, of_value * s);
    store(slope + k, of_sine * s + of_cosine * f * c);
  }
  value[kBasis] = slope[kBasis] = 0;
}

/// 1/sqrt 2, sin(f t), cos(f t), all by sqrt(pi) [32, the last 0], and their derivatives by t.
void fourier_basis(double angle, const float* frequencies, float* value, float* slope) {
  constexpr float kScale = 0.56418958354775629f;
  float s[16], c[16], f[16];
  for (int k = 0; k < 16; k += kLanes) {
    const Vec frequency = get(frequencies + k);
    Vec sine, cosine;
    sincos(frequency, angle, sine, cosine);
    store(s + k, sine * kScale);
    store(c + k, cosine * kScale);
    store(f + k, frequency);
  }
  value[0] = 0.70710678118654752f * kScale;
  slope[0] = 0;
  for (int k = 0; k < 15; ++k) {
    value[1 + k] = s[k];
    value[16 + k] = c[k];
    slope[1 + k] = f[k] * c[k];
    slope[16 + k] = -f[k] * s[k];
  }
  value[31] = slope[31] = 0;
}

/// As the reference does, which keeps acos away from its end.
constexpr double kCosineShrink = 1 - 1e-6;

/// Of the angle between the vectors of two bonds.
double cosine_of(const CrystalGraph::Bond& p, const CrystalGraph::Bond& q) {
  double total = 0;
  for (int k = 0; k < 3; ++k) total += p.vector[k] * q.vector[k];
  return std::clamp(total / (p.length * q.length), -1.0, 1.0);
}

float dot_row(const float* a, const float* b, int width) {
  Vec total{};
  for (int k = 0; k < width; k += kLanes) total += get(a + k) * get(b + k);
  return sum(total);
}

void fill_zero(Floats& x, std::size_t size) {
  x.resize(size);
  std::fill(x.begin(), x.end(), 0.0f);
}

/// Sizes a buffer for `rows` rows (one more than none: pointers stay valid).
float* sized(Floats& x, std::size_t rows, int width) {
  x.resize(std::max<std::size_t>(rows, 1) * width);
  return x.data();
}

void fill_rows(float* x, int rows, const Floats& row) {
  for (int r = 0; r < rows; ++r)
    std::copy(row.begin(), row.end(), x + static_cast<std::size_t>(r) * row.size());
}

}  // namespace

void Chgnet::predict(const PeriodicAtoms& atoms, Workspace& workspace, Prediction& result) const {
  const Weights& w = *weights_;
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
  CrystalGraph& graph = b.graph;
  result.fault = build_graph(atoms, graph);
  if (!result.fault.empty()) return;
  result.isolated_atoms = graph.isolated_atoms;
  const int U = static_cast<int>(graph.bonds.size()), S = graph.num_short,
            L = static_cast<int>(graph.angles.size());
  float* h = sized(b.tile_h, kTile, G);
  float* y = sized(b.tile_y, kTile, G);
  float* m = sized(b.tile_m, kTile, F);
  float* gm = sized(b.tile_g, kTile, F);
  float* of_bond = sized(b.tile_b, kTile, G);

  // --- basis and embeddings
  // -----------------------------------------------------------------------------
  float* radial = sized(b.radial, U, kBasisPadded);
  float* radial_slope = sized(b.radial_slope, U, kBasisPadded);
  for (int u = 0; u < U; ++u) {
    radial_basis(graph.bonds[u].length, kBondCutoff, w.atom_frequencies.data(),
                 radial + u * kBasisPadded, radial_slope + u * kBasisPadded);
  }
  float* short_radial = sized(b.short_radial, S, kBasisPadded);
  float* short_slope = sized(b.short_slope, S, kBasisPadded);
  for (int u = 0; u < S; ++u) {
    radial_basis(graph.bonds[u].length, kAngleCutoff, w.bond_frequencies.data(),
                 short_radial + u * kBasisPadded, short_slope + u * kBasisPadded);
  }
  float* fourier = sized(b.fourier, L, kBasisPadded);
  float* fourier_slope = sized(b.fourier_slope, L, kBasisPadded);
  float* angle_slope = sized(b.angle_slope, L, 1);  // of the angle by the (shrunk) cosine
  for (int l = 0; l < L; ++l) {
    const auto& angle = graph.angles[l];
    const double cosine = kCosineShrink * angle.first_sign * angle.second_sign *
                          cosine_of(graph.bonds[angle.first], graph.bonds[angle.second]);
    angle_slope[l] = static_cast<float>(-kCosineShrink / std::sqrt((1 - cosine) * (1 + cosine)));
    fourier_basis(std::acos(cosine), w.angle_frequencies.data(), fourier + l * kBasisPadded,
                  fourier_slope + l * kBasisPadded);
  }
  float* atom_weight = sized(b.atom_weight, U, F);
  multiply<Into::kStore>(U, radial, kBasisPadded, w.atom_weights, atom_weight, F);
  float* bond_weight = sized(b.bond_weight, S, F);
  multiply<Into::kStore>(S, short_radial, kBasisPadded, w.bond_weights, bond_weight, F);
  float* v = sized(b.v, A, F);
  for (int i = 0; i < A; ++i) {
    std::copy_n(&w.embedding[(atoms.atomic_numbers[i] - 1) * F], F, v + i * F);
  }
  float* e = sized(b.e, S, F);
  multiply<Into::kStore>(S, radial, kBasisPadded, w.bond_embedding, e, F);
  float* a = sized(b.a, L, F);
  multiply<Into::kStore>(L, fourier, kBasisPadded, w.angle_embedding, a, F);

  float* at_center = sized(b.at_center, A, G);
  float* at_neighbor = sized(b.at_neighbor, A, G);
  float* at_first = sized(b.at_first, S, G);
  float* at_second = sized(b.at_second, S, G);

  // Bonds are taken in tiles of half the rows: each gives a message in both directions. A tile has
  // either short bonds only or long ones only.
  const auto for_bond_tiles = [&](auto visit) {
    for (int begin = 0; begin < U;) {
      const int end = std::min(begin + kTile / 2, begin < S ? S : U);
      visit(begin, end - begin);
      begin = end;
    }
  };

  // --- forward
  // ------------------------------------------------------------------------------------------
  const auto atom_forward = [&](int l) {
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
  };

  const auto bond_forward = [&](int l) {
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
  };

  const auto angle_forward = [&](int l) {
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
  };

  for (int l = 0; l < kBlocks - 1; ++l) {
    atom_forward(l);
    if (L > 0) {
      bond_forward(l);
      if (l < kBlocks - 2) angle_forward(l);
    }
  }
  for (int i = 0; i < A; ++i) {
    result.magmoms[i] = std::abs(dot_row(v + i * F, w.magmom.data(), F) + w.magmom_bias);
  }
  atom_forward(kBlocks - 1);

  // --- read-out: a layer norm and a perceptron for each atom, then the sum
  // --------------------------------
  float* x = sized(b.read_x, A, F);
  float* x2 = sized(b.read_y, A, F);
  float* read_normal = sized(b.read_normal, A, F);
  float* read_inverse = sized(b.read_inverse, A, 1);
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
    reference += w.reference[atoms.atomic_numbers[i] - 1];
  }
  result.energy_per_atom = (energy + reference) / A;

  // --- backward
  // -----------------------------------------------------------------------------------------
  for (int i = 0; i < A; ++i) std::copy(w.last.begin(), w.last.end(), x + i * F);
  for (int l = 2; l >= 0; --l) {
    for (int k = 0; k < A * F; k += kLanes) store(x + k, get(x + k) * get(&b.read_slope[l][k]));
    multiply<Into::kStore>(A, x, F, w.mlp_back[l], x2, F);
    std::swap(x, x2);
  }
  float* gv = sized(b.gv, A, F);
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
  float *ge = b.ge.data(), *ga = b.ga.data(), *g_radial = b.g_radial.data();
  float *g_atom_weight = b.g_atom_weight.data(), *g_bond_weight = b.g_bond_weight.data();
  float* g_sums = sized(b.g_sums, std::max(A, S), F);

  const auto atom_backward = [&](int l) {
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
  };

  /// The gradients of the first layers, summed up by atom and bond, go on to their inputs.
  const auto to_inputs = [&](const auto& layer) {
    multiply<Into::kAdd>(A, b.g_center.data(), G, layer.atom_back, gv, F);
    multiply<Into::kAdd>(S, b.g_first.data(), G, layer.first_back, ge, F);
    multiply<Into::kAdd>(S, b.g_second.data(), G, layer.second_back, ge, F);
  };
  const auto scatter_rows = [&](int begin, int rows, const float* g) {
    for (int t = 0; t < rows; ++t) {
      const auto& angle = graph.angles[begin + t];
      add_row(G, g + t * G, &b.g_first[angle.first * G]);
      add_row(G, g + t * G, &b.g_second[angle.second * G]);
      add_row(G, g + t * G, &b.g_center[angle.atom * G]);
    }
  };
  const auto clear_sums = [&] {
    fill_zero(b.g_center, static_cast<std::size_t>(A) * G);
    fill_zero(b.g_first, static_cast<std::size_t>(S) * G);
    fill_zero(b.g_second, static_cast<std::size_t>(S) * G);
  };

  const auto bond_backward = [&](int l) {
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
  };

  const auto angle_backward = [&](int l) {
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
  };

  atom_backward(kBlocks - 1);
  for (int l = kBlocks - 2; l >= 0; --l) {
    if (L > 0) {
      if (l < kBlocks - 2) angle_backward(l);
      bond_backward(l);
    }
    atom_backward(l);
  }

  // --- to lengths, angles, bond vectors
  // -------------------------------------------------------------------
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

  // --- forces and stress
  // ----------------------------------------------------------------------------------
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
  if (threads <= 0) threads = std::max(1u, std::thread::hardware_concurrency());
  threads =
      static_cast<int>(std::min<std::size_t>(threads, std::max<std::size_t>(crystals.size(), 1)));
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    Workspace workspace;
    for (std::size_t i; (i = next.fetch_add(1)) < crystals.size();)
      predict(crystals[i], workspace, results[i]);
  };
  std::vector<std::jthread> others;
  for (int t = 1; t < threads; ++t) others.emplace_back(work);
  work();
  others.clear();
  return results;
}

}  // namespace anneal
