#include "cif/lattice_reduction.h"

#include <algorithm>
#include <cmath>

namespace anneal {
namespace {

using Vector = std::array<double, 3>;

double dot(const Vector& u, const Vector& v) { return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]; }

}  // namespace

CellMatrix reduced_basis(const CellMatrix& basis) {
  // Shortens greedily: the longest vector minus the best small combination of the others, until
  // nothing gets shorter.
  CellMatrix v = basis;
  for (int round = 0; round < 1000; ++round) {
    std::sort(v.begin(), v.end(),
              [](const Vector& p, const Vector& q) { return dot(p, p) < dot(q, q); });
    // Gauss reduction of the two shortest
    const double g = std::round(dot(v[0], v[1]) / dot(v[0], v[0]));
    if (g != 0 && std::isfinite(g)) {
      const double before = dot(v[1], v[1]);
      Vector shorter;
      for (int k = 0; k < 3; ++k) shorter[k] = v[1][k] - g * v[0][k];
      if (dot(shorter, shorter) < before * (1 - 1e-12)) {
        v[1] = shorter;
        continue;
      }
    }
    // the longest: project on the plane of the others, then look at the neighbouring lattice points
    const double a = dot(v[0], v[0]), b = dot(v[0], v[1]), c = dot(v[1], v[1]);
    const double determinant = a * c - b * b;
    const double p = dot(v[2], v[0]), q = dot(v[2], v[1]);
    const double s = std::floor((p * c - q * b) / determinant);
    const double t = std::floor((q * a - p * b) / determinant);
    if (!std::isfinite(s) || !std::isfinite(t)) return v;
    Vector best = v[2];
    double best_square = dot(best, best) * (1 - 1e-12);
    bool shorter = false;
    for (int i = 0; i <= 1; ++i) {
      for (int j = 0; j <= 1; ++j) {
        Vector w;
        for (int k = 0; k < 3; ++k) w[k] = v[2][k] - (s + i) * v[0][k] - (t + j) * v[1][k];
        if (const double square = dot(w, w); square < best_square) {
          best = w;
          best_square = square;
          shorter = true;
        }
      }
    }
    if (!shorter) return v;
    v[2] = best;
  }
  return v;
}

}  // namespace anneal
