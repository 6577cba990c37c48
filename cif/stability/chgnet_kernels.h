// What CHGNet's layers are made of: the gated pair (activation, second layer, normalisation, gate)
// and its way back, for a tile of rows that stays in the first cache.
#pragma once

#include <algorithm>
#include <cmath>

#include "cif/stability/chgnet_parts.h"

namespace anneal::chgnet {

/// m = silu(norm(y core)) * sigmoid(norm(y gate)); keeps the normalised values and 1 / deviation.
inline void norm_gate_forward(const GateNorm& norm, int rows, const float* y, float* normalised,
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
inline void norm_gate_backward(const GateNorm& norm, int rows, const float* normalised,
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
inline void silu_forward(int rows, float* h, float* slope) {
  for (int k = 0; k < rows * G; k += kLanes) {
    const Vec x = get(h + k);
    const Vec s = sigmoid(x);
    const Vec y = x * s;
    store(h + k, y);
    store(slope + k, s + y * (1.0f - s));
  }
}

/// y [rows, 128] = the second layers of s [rows, 128].
inline void second_forward(const GateTail& tail, int rows, const float* s, float* y) {
  for (int r = 0; r < rows; ++r) {
    for (int k = 0; k < G; k += kLanes) store(y + r * G + k, get(&tail.bias[k]));
  }
  multiply<Into::kAdd>(rows, s, G, tail.core, y, G);
  multiply<Into::kAdd>(rows, s + F, G, tail.gate, y + F, G);
}

/// gh [rows, 128] = gy through the second layers and the first activation.
inline void second_backward(const GateTail& tail, int rows, const float* gy, const float* slope,
                            float* gh) {
  multiply<Into::kStore>(rows, gy, G, tail.core_back, gh, G);
  multiply<Into::kStore>(rows, gy + F, G, tail.gate_back, gh + F, G);
  for (int k = 0; k < rows * G; k += kLanes) store(gh + k, get(gh + k) * get(slope + k));
}

inline void add_row(int width, const float* from, float* to) {
  for (int k = 0; k < width; k += kLanes) add_to(to + k, get(from + k));
}
inline float dot_row(const float* a, const float* b, int width) {
  Vec total{};
  for (int k = 0; k < width; k += kLanes) total += get(a + k) * get(b + k);
  return sum(total);
}

inline void fill_zero(Floats& x, std::size_t size) {
  x.resize(size);
  std::fill(x.begin(), x.end(), 0.0f);
}

/// Sizes a buffer for `rows` rows (one more than none: pointers stay valid).
inline float* sized(Floats& x, std::size_t rows, int width) {
  x.resize(std::max<std::size_t>(rows, 1) * width);
  return x.data();
}

inline void fill_rows(float* x, int rows, const Floats& row) {
  for (int r = 0; r < rows; ++r)
    std::copy(row.begin(), row.end(), x + static_cast<std::size_t>(r) * row.size());
}

}  // namespace anneal::chgnet
