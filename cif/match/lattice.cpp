#include "cif/match/lattice.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace anneal {
namespace {

constexpr double kDegree = std::numbers::pi / 180;
constexpr double kMaxPoints = 2e6;  // in a sphere: more is a cell as thin as no crystal

Vector3 cross(const Vector3& u, const Vector3& v) {
  return {u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
}

double angle_deg(const Vector3& u, const Vector3& v) {
  return std::acos(std::clamp(dot(u, v) / (length(u) * length(v)), -1.0, 1.0)) / kDegree;
}

/// Gram-Schmidt state of the LLL reduction.
struct Orthogonal {
  CellMatrix vectors{};  // b
  CellMatrix u{};        // coefficients
  Vector3 squares{};     // |b|^2

  void compute(const CellMatrix& a, int i) {
    vectors[i] = a[i];
    for (int j = 0; j < i; ++j) {
      u[i][j] = dot(a[i], vectors[j]) / squares[j];
      for (int x = 0; x < 3; ++x) vectors[i][x] -= u[i][j] * vectors[j][x];
    }
    squares[i] = dot(vectors[i], vectors[i]);
  }
};

/// Metric tensor under the steps of the Niggli reduction: G <- M^T G M.
struct Metric {
  CellMatrix g;
  void change(const CellMatrix& m) {
    CellMatrix transposed;
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j) transposed[i][j] = m[j][i];
    }
    g = times(transposed, times(g, m));
  }
  double a() const { return g[0][0]; }
  double b() const { return g[1][1]; }
  double c() const { return g[2][2]; }
  double xi() const { return 2 * g[1][2]; }
  double eta() const { return 2 * g[0][2]; }
  double zeta() const { return 2 * g[0][1]; }
};

double sign_of(double x) { return x < 0 ? -1 : 1; }

/// Steps A1 .. A8 as in the paper, at most 100 rounds (as the reference: then it takes what there
/// is).
void niggli_steps(Metric& m, double e) {
  for (int step = 0; step < 100; ++step) {
    if (m.b() + e < m.a() ||
        (std::abs(m.a() - m.b()) < e && std::abs(m.xi()) > std::abs(m.eta()) + e)) {  // A1
      m.change({{{0, -1, 0}, {-1, 0, 0}, {0, 0, -1}}});
    }
    if (m.c() + e < m.b() ||
        (std::abs(m.b() - m.c()) < e && std::abs(m.eta()) > std::abs(m.zeta()) + e)) {  // A2
      m.change({{{-1, 0, 0}, {0, 0, -1}, {0, -1, 0}}});
      continue;
    }
    const auto sign = [&](double x) { return std::abs(x) < e ? 0.0 : sign_of(x); };
    const double l = sign(m.xi()), k = sign(m.eta()), n = sign(m.zeta());
    if (l * k * n == 1) {  // A3: all acute
      m.change({{{l, 0, 0}, {0, k, 0}, {0, 0, n}}});
    } else {  // A4: all obtuse or right
      double i = l == 1 ? -1 : 1, j = k == 1 ? -1 : 1, o = n == 1 ? -1 : 1;
      if (i * j * o == -1) {
        if (n == 0) {
          o = -1;
        } else if (k == 0) {
          j = -1;
        } else if (l == 0) {
          i = -1;
        }
      }
      m.change({{{i, 0, 0}, {0, j, 0}, {0, 0, o}}});
    }
    const double a = m.a(), b = m.b(), xi = m.xi(), eta = m.eta(), zeta = m.zeta();
    if (std::abs(xi) > b + e || (std::abs(xi - b) < e && zeta - e > 2 * eta) ||
        (std::abs(xi + b) < e && -e > zeta)) {  // A5
      m.change({{{1, 0, 0}, {0, 1, -sign_of(xi)}, {0, 0, 1}}});
    } else if (std::abs(eta) > a + e || (std::abs(a - eta) < e && zeta - e > 2 * xi) ||
               (std::abs(a + eta) < e && -e > zeta)) {  // A6
      m.change({{{1, 0, -sign_of(eta)}, {0, 1, 0}, {0, 0, 1}}});
    } else if (std::abs(zeta) > a + e || (std::abs(a - zeta) < e && eta - e > 2 * xi) ||
               (std::abs(a + zeta) < e && -e > eta)) {  // A7
      m.change({{{1, -sign_of(zeta), 0}, {0, 1, 0}, {0, 0, 1}}});
    } else if (const double sum = xi + eta + zeta + a + b;
               -e > sum || (std::abs(sum) < e && e < zeta + (a + eta) * 2)) {  // A8
      m.change({{{1, 0, 1}, {0, 1, 1}, {0, 0, 1}}});
    } else {
      return;
    }
  }
}

struct Point {
  std::array<int, 3> index;  // in the lattice as given
  int cube = 0;
  Vector3 position;
  double length = 0;
};

/// Lattice points closer than `radius` to the origin in the order of pymatgen's neighbour search:
/// cubes of the edge `radius` from the corner (-radius, ..), x slowest; in a cube from the highest
/// index down.
std::vector<Point> points_in_sphere(const CellMatrix& lattice, double radius) {
  const double volume = std::abs(determinant(lattice));
  if (!(4.2 * radius * radius * radius / volume < kMaxPoints)) return {};
  // walked over in a reduced basis: few empty places however skewed the lattice is
  const CellMatrix reduced = lll_reduced(lattice);
  const CellMatrix to_index = times(reduced, inverse(lattice));
  const Vector3 planes = plane_distances(reduced);
  std::array<int, 3> reach;
  double box = 1;
  for (int k = 0; k < 3; ++k) {
    const double steps = std::floor((radius + 1e-8) / planes[k]);
    box *= 2 * steps + 1;
    if (!(box < 20 * kMaxPoints)) return {};
    reach[k] = static_cast<int>(steps);
  }
  std::vector<Point> points;
  for (int i = -reach[0]; i <= reach[0]; ++i) {
    for (int j = -reach[1]; j <= reach[1]; ++j) {
      for (int k = -reach[2]; k <= reach[2]; ++k) {
        const Vector3 n = {double(i), double(j), double(k)};
        Point point;
        point.position = times(n, reduced);
        point.length = length(point.position);
        if (!(point.length < radius + 1e-8)) continue;
        const Vector3 index = times(n, to_index);
        for (int x = 0; x < 3; ++x) {
          point.index[x] = static_cast<int>(std::lround(index[x]));
          const double low = -radius - 1e-8;
          point.cube = 4 * point.cube +
                       static_cast<int>(std::floor((point.position[x] - low) / radius));
        }
        points.push_back(point);
      }
    }
  }
  std::sort(points.begin(), points.end(), [](const Point& p, const Point& q) {
    return p.cube != q.cube ? p.cube < q.cube : p.index > q.index;
  });
  return points;
}

/// The angle within `tolerance` of `target` (degrees), as bounds on its cosine.
struct CosineRange {
  double low, high;
  CosineRange(double target_deg, double tolerance_deg)
      : low(target_deg + tolerance_deg >= 180 ? -2
                                              : std::cos((target_deg + tolerance_deg) * kDegree)),
        high(target_deg - tolerance_deg <= 0 ? 2
                                             : std::cos((target_deg - tolerance_deg) * kDegree)) {}
  bool holds(const Point& p, const Point& q) const {
    const double x = dot(p.position, q.position), scale = p.length * q.length;
    return x >= low * scale && x <= high * scale;
  }
};

}  // namespace

double dot(const Vector3& u, const Vector3& v) { return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]; }
double length(const Vector3& v) { return std::sqrt(dot(v, v)); }

Vector3 times(const Vector3& r, const CellMatrix& m) {
  return {r[0] * m[0][0] + r[1] * m[1][0] + r[2] * m[2][0],
          r[0] * m[0][1] + r[1] * m[1][1] + r[2] * m[2][1],
          r[0] * m[0][2] + r[1] * m[1][2] + r[2] * m[2][2]};
}

CellMatrix times(const CellMatrix& left, const CellMatrix& right) {
  return {times(left[0], right), times(left[1], right), times(left[2], right)};
}

double determinant(const CellMatrix& m) { return dot(m[0], cross(m[1], m[2])); }

CellMatrix inverse(const CellMatrix& m) {
  const Vector3 columns[3] = {cross(m[1], m[2]), cross(m[2], m[0]), cross(m[0], m[1])};
  const double d = dot(m[0], columns[0]);
  CellMatrix result;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) result[i][j] = columns[j][i] / d;
  }
  return result;
}

UnitCell cell_of(const CellMatrix& m) {
  return {length(m[0]),          length(m[1]),          length(m[2]),
          angle_deg(m[1], m[2]), angle_deg(m[0], m[2]), angle_deg(m[0], m[1])};
}

Vector3 plane_distances(const CellMatrix& m) {
  const double volume = std::abs(determinant(m));
  return {volume / length(cross(m[1], m[2])), volume / length(cross(m[2], m[0])),
          volume / length(cross(m[0], m[1]))};
}

CellMatrix lll_reduced(const CellMatrix& lattice) {
  CellMatrix a = lattice;
  Orthogonal o;
  for (int i = 0; i < 3; ++i) o.compute(a, i);
  int k = 1;
  for (int step = 0; k < 3 && step < 10000; ++step) {
    for (int i = k - 1; i >= 0; --i) {
      const double q = std::nearbyint(o.u[k][i]);
      if (q == 0 || !std::isfinite(q)) continue;
      for (int x = 0; x < 3; ++x) a[k][x] -= q * a[i][x];
      for (int j = 0; j < i; ++j) o.u[k][j] -= q * o.u[i][j];
      o.u[k][i] -= q;
    }
    const double u = o.u[k][k - 1];
    if (!(o.squares[k] < (0.75 - u * u) * o.squares[k - 1])) {
      ++k;
      continue;
    }
    std::swap(a[k], a[k - 1]);
    o.compute(a, k - 1);
    o.compute(a, k);
    if (k == 2) {
      k = 1;
    } else {
      for (int j = 0; j < 2; ++j) o.u[2][j] = dot(a[2], o.vectors[j]) / o.squares[j];
    }
  }
  return a;
}

CellMatrix niggli_reduced(const CellMatrix& lattice) {
  const CellMatrix lll = lll_reduced(lattice);
  const double e = 1e-5 * std::cbrt(std::abs(determinant(lattice)));
  Metric metric;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) metric.g[i][j] = dot(lll[i], lll[j]);
  }
  niggli_steps(metric, e);
  const double a = std::sqrt(metric.a()), b = std::sqrt(metric.b()), c = std::sqrt(metric.c());
  const auto angle = [](double twice_product, double p, double q) {
    return std::acos(std::clamp(twice_product / 2 / (p * q), -1.0, 1.0)) / kDegree;
  };
  const UnitCell target = {a, b, c, angle(metric.xi(), b, c), angle(metric.eta(), a, c),
                           angle(metric.zeta(), a, b)};
  // the same vectors in the lattice's own setting; a right-handed choice where there is one
  const auto mappings = lattice_mappings(lattice, target, e, 1);
  if (mappings.empty()) return lll;
  const auto proper = std::find_if(mappings.begin(), mappings.end(),
                                   [](const LatticeMapping& m) { return m.scale > 0; });
  CellMatrix result = proper == mappings.end() ? mappings.front().vectors : proper->vectors;
  if (determinant(result) < 0) {
    for (auto& row : result) {
      for (double& x : row) x = -x;
    }
  }
  return result;
}

std::vector<LatticeMapping> lattice_mappings(const CellMatrix& lattice, const UnitCell& target,
                                             double length_tolerance, double angle_tolerance_deg,
                                             std::size_t limit) {
  const Vector3 lengths = {target.a, target.b, target.c};
  const double radius = std::max({target.a, target.b, target.c}) * (1 + length_tolerance);
  const auto points = points_in_sphere(lattice, radius);
  std::array<std::vector<const Point*>, 3> choices;
  for (const Point& point : points) {
    for (int k = 0; k < 3; ++k) {
      const double ratio = point.length / lengths[k];
      if (ratio < 1 + length_tolerance && ratio > 1 / (1 + length_tolerance)) {
        choices[k].push_back(&point);
      }
    }
  }
  const CosineRange alpha(target.alpha, angle_tolerance_deg),
      beta(target.beta, angle_tolerance_deg), gamma(target.gamma, angle_tolerance_deg);
  const double volume = determinant(lattice);
  std::vector<LatticeMapping> mappings;
  std::vector<const Point*> with_beta;
  for (const Point* a : choices[0]) {
    with_beta.clear();
    for (const Point* c : choices[2]) {
      if (beta.holds(*a, *c)) with_beta.push_back(c);
    }
    if (with_beta.empty()) continue;
    for (const Point* b : choices[1]) {
      if (!gamma.holds(*a, *b)) continue;
      for (const Point* c : with_beta) {
        if (!alpha.holds(*b, *c)) continue;
        LatticeMapping mapping{{a->position, b->position, c->position}, 0};
        mapping.scale = std::round(determinant(mapping.vectors) / volume);
        if (mapping.scale == 0) continue;  // in one plane
        mappings.push_back(mapping);
        if (mappings.size() >= limit) return mappings;
      }
    }
  }
  return mappings;
}

}  // namespace anneal
