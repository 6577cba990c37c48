// CHGNet's basis: radial functions of bond lengths, Fourier functions of angles, with derivatives.
#pragma once

#include "cif/stability/crystal_graph.h"

namespace anneal::chgnet {

/// Radial functions env(r) sqrt(2/c) sin(f r / c) / r of a length [32, the last 0] and their
/// derivatives; env = 1 - 45 x^8 + 80 x^9 - 36 x^10 for x = r / c < 1, 0 beyond. Near 1 these terms
/// cancel, so it is taken as (1 - x)^3 times a polynomial without signs.
void radial_basis(double r, double cutoff, const float* frequencies, float* value, float* slope);

/// 1/sqrt 2, sin(f t), cos(f t), all by sqrt(pi) [32, the last 0], and their derivatives by t.
void fourier_basis(double angle, const float* frequencies, float* value, float* slope);

/// As the reference does, which keeps acos away from its end.
inline constexpr double kCosineShrink = 1 - 1e-6;

/// Of the angle between the vectors of two bonds.
double cosine_of(const CrystalGraph::Bond& p, const CrystalGraph::Bond& q);

}  // namespace anneal::chgnet
