#include "cif/stability/relax.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "cif/for_each_index.h"

namespace anneal {
namespace {

using Matrix = std::array<std::array<double, 3>, 3>;

constexpr double kGpaPerEvA3 = 160.21766208;
// ASE's defaults
constexpr double kFirstStep = 0.1, kLongestStep = 1.0, kLargestMove = 0.2;  // times: ASE units; A
constexpr double kGrow = 1.1, kShrink = 0.5, kMixStart = 0.1, kMixShrink = 0.99;
constexpr int kPatience = 5;

Matrix identity() { return {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}; }

Matrix operator*(const Matrix& a, const Matrix& b) {
  Matrix c{};
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) {
      for (int k = 0; k < 3; ++k) c[i][j] += a[i][k] * b[k][j];
    }
  }
  return c;
}
Matrix operator+(const Matrix& a, const Matrix& b) {
  Matrix c;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) c[i][j] = a[i][j] + b[i][j];
  }
  return c;
}
Matrix scaled(const Matrix& a, double s) {
  Matrix c = a;
  for (auto& row : c) {
    for (auto& x : row) x *= s;
  }
  return c;
}
Matrix transposed(const Matrix& a) {
  Matrix t;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) t[i][j] = a[j][i];
  }
  return t;
}
Matrix inverse(const Matrix& a) {
  Matrix c;
  double determinant = 0;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) {
      const int p = (j + 1) % 3, q = (j + 2) % 3, r = (i + 1) % 3, s = (i + 2) % 3;
      c[i][j] = a[p][r] * a[q][s] - a[p][s] * a[q][r];
    }
  }
  for (int k = 0; k < 3; ++k) determinant += a[0][k] * c[k][0];
  return scaled(c, 1 / determinant);
}

/// exp(a) and the derivative of exp at `a` in the direction `d` (Frechet): the exponential of the
/// block matrix [[a, d], [0, a]] by scaling and squaring.
void exponential(const Matrix& a, const Matrix& d, Matrix& value, Matrix& derivative) {
  double size = 0;
  for (const auto& row : a) {
    for (double x : row) size = std::max(size, std::abs(x));
  }
  int halvings = 0;
  while (size > 0.1 && halvings < 60) {
    size /= 2;
    ++halvings;
  }
  const double scale = std::ldexp(1.0, -halvings);
  const Matrix as = scaled(a, scale), ds = scaled(d, scale);
  Matrix term = identity(), term_d{};
  value = identity();
  derivative = {};
  for (int n = 1; n <= 14; ++n) {  // 0.3^14 / 14! < 1e-18
    term_d = scaled(term * ds + term_d * as, 1.0 / n);
    term = scaled(term * as, 1.0 / n);
    value = value + term;
    derivative = derivative + term_d;
  }
  for (int i = 0; i < halvings; ++i) {
    derivative = value * derivative + derivative * value;
    value = value * value;
  }
}

/// The degrees of freedom: n positions in the frame of the first cell, and three rows for the cell.
class Variables {
 public:
  Variables(const PeriodicAtoms& start, bool cell)
      : atoms_(start), first_(start.cell), first_inverse_(inverse(start.cell)), cell_(cell), n_(start.size()),
        x_(3 * (n_ + (cell ? 3 : 0))) {
    for (std::size_t i = 0; i < n_; ++i) {
      for (int k = 0; k < 3; ++k) {
        for (int j = 0; j < 3; ++j) x_[3 * i + k] += start.fractional[i][j] * first_[j][k];
      }
    }
  }

  std::size_t size() const { return x_.size(); }
  const PeriodicAtoms& atoms() const { return atoms_; }

  /// The force on each degree of freedom, and the largest norm of a row of three.
  double forces(const Prediction& p, std::vector<double>& force) const {
    force.assign(x_.size(), 0);
    for (std::size_t i = 0; i < n_; ++i) {
      for (int k = 0; k < 3; ++k) {
        for (int j = 0; j < 3; ++j) force[3 * i + k] += p.forces[i][j] * deformation_[j][k];
      }
    }
    if (cell_) {
      const double volume = volume_a3(atoms_.cell);
      Matrix virial;
      for (int j = 0; j < 3; ++j) {
        for (int k = 0; k < 3; ++k) virial[j][k] = -volume / kGpaPerEvA3 * 0.5 * (p.stress[j][k] + p.stress[k][j]);
      }
      // <dE/dF, d exp(log F)>: the adjoint of the derivative of exp at log F is that at its transpose
      const Matrix gradient = virial * inverse(transposed(deformation_));
      Matrix value, derivative;
      exponential(transposed(log_deformation()), gradient, value, derivative);
      for (int j = 0; j < 3; ++j) {
        for (int k = 0; k < 3; ++k) force[3 * (n_ + j) + k] = derivative[j][k] / static_cast<double>(n_);
      }
    }
    double largest = 0;
    for (std::size_t i = 0; i < force.size(); i += 3) {
      largest = std::max(largest, force[i] * force[i] + force[i + 1] * force[i + 1] + force[i + 2] * force[i + 2]);
    }
    return std::sqrt(largest);
  }

  void move(const std::vector<double>& step) {
    for (std::size_t i = 0; i < x_.size(); ++i) x_[i] += step[i];
    if (cell_) {
      Matrix ignored;
      exponential(log_deformation(), Matrix{}, deformation_, ignored);
      atoms_.cell = first_ * transposed(deformation_);
    }
    // positions deform with the cell: in its units they are those in the first cell
    for (std::size_t i = 0; i < n_; ++i) {
      for (int k = 0; k < 3; ++k) {
        double f = 0;
        for (int j = 0; j < 3; ++j) f += x_[3 * i + j] * first_inverse_[j][k];
        atoms_.fractional[i][k] = f;
      }
    }
  }

 private:
  Matrix log_deformation() const {
    Matrix a;
    for (int j = 0; j < 3; ++j) {
      for (int k = 0; k < 3; ++k) a[j][k] = x_[3 * (n_ + j) + k] / static_cast<double>(n_);
    }
    return a;
  }
  PeriodicAtoms atoms_;
  Matrix first_, first_inverse_;
  Matrix deformation_ = identity();
  bool cell_;
  std::size_t n_;
  std::vector<double> x_;
};

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) total += a[i] * b[i];
  return total;
}

}  // namespace

Relaxation relax(const Chgnet& net, const PeriodicAtoms& start, const RelaxOptions& options,
                 Chgnet::Workspace& workspace) {
  Relaxation result;
  result.atoms = start;
  Prediction prediction;
  net.predict(start, workspace, prediction);
  result.fault = prediction.fault;
  if (!result.fault.empty()) return result;
  result.energy_per_atom = result.start_energy_per_atom = prediction.energy_per_atom;
  result.start_max_force = prediction.max_force();

  Variables variables(start, options.cell);
  std::vector<double> force, velocity(variables.size()), step(variables.size());
  double largest = variables.forces(prediction, force);
  double dt = kFirstStep, mix = kMixStart;
  int downhill = 0;
  while (!(largest < options.max_force_ev_a) && result.steps < options.max_steps) {
    if (result.steps > 0) {
      const double power = dot(force, velocity);
      if (power > 0) {
        const double ratio = mix * std::sqrt(dot(velocity, velocity) / dot(force, force));
        for (std::size_t i = 0; i < velocity.size(); ++i) velocity[i] = (1 - mix) * velocity[i] + ratio * force[i];
        if (downhill > kPatience) {
          dt = std::min(dt * kGrow, kLongestStep);
          mix *= kMixShrink;
        }
        ++downhill;
      } else {
        std::fill(velocity.begin(), velocity.end(), 0);
        mix = kMixStart;
        dt *= kShrink;
        downhill = 0;
      }
    }
    for (std::size_t i = 0; i < velocity.size(); ++i) {
      velocity[i] += dt * force[i];
      step[i] = dt * velocity[i];
    }
    const double length = std::sqrt(dot(step, step));
    if (length > kLargestMove) {
      for (auto& s : step) s *= kLargestMove / length;
    }
    variables.move(step);
    ++result.steps;
    net.predict(variables.atoms(), workspace, prediction);
    if (!prediction.fault.empty()) {
      result.fault = prediction.fault;
      result.atoms = variables.atoms();
      return result;
    }
    result.energy_per_atom = prediction.energy_per_atom;
    largest = variables.forces(prediction, force);
  }
  result.isolated_atoms = prediction.isolated_atoms;
  result.converged = largest < options.max_force_ev_a;
  result.atoms = variables.atoms();
  return result;
}

std::vector<Relaxation> relax(const Chgnet& net, const std::vector<PeriodicAtoms>& crystals, const RelaxOptions& options,
                              int threads) {
  std::vector<Relaxation> results(crystals.size());
  for_each_index_with<Chgnet::Workspace>(crystals.size(), threads, [&](std::size_t i, Chgnet::Workspace& workspace) {
    results[i] = relax(net, crystals[i], options, workspace);
  });
  return results;
}

}  // namespace anneal
