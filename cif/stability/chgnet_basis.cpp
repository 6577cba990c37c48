#include "cif/stability/chgnet_basis.h"

#include <algorithm>
#include <cmath>

#include "cif/stability/chgnet_parts.h"

namespace anneal::chgnet {

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

double cosine_of(const CrystalGraph::Bond& p, const CrystalGraph::Bond& q) {
  double total = 0;
  for (int k = 0; k < 3; ++k) total += p.vector[k] * q.vector[k];
  return std::clamp(total / (p.length * q.length), -1.0, 1.0);
}

}  // namespace anneal::chgnet
