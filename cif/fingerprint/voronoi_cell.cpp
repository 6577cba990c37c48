// A cut looks at every vertex once, so that all faces agree on which side it lies; vertices within
// 1e-10 A of the plane count as on it. Where more than four sites are equally far from a vertex
// (any crystal of high symmetry), rounding then leaves no face, or one of vanishing area and solid
// angle, whose weight is 0 in any case.
#include "cif/fingerprint/voronoi_cell.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "cif/cartesian.h"

namespace anneal {
namespace {

constexpr double kOnPlane = 1e-10;  // Angstrom

/// Grows with the angle of (x, y) from 0 at the positive x axis to 4, without a trigonometric call.
double pseudo_angle(double x, double y) {
  const double sum = std::abs(x) + std::abs(y);
  if (sum == 0) return 0;
  const double t = x / sum;
  return y >= 0 ? 1 - t : 3 + t;
}

}  // namespace

void VoronoiCell::reset(double h) {
  vertices_.clear();
  for (int k = 0; k < 8; ++k) {
    vertices_.push_back({k & 1 ? h : -h, k & 2 ? h : -h, k & 4 ? h : -h});
  }
  static constexpr int kSides[6][4] = {{0, 2, 6, 4}, {1, 3, 7, 5}, {0, 1, 5, 4},
                                       {2, 3, 7, 6}, {0, 1, 3, 2}, {4, 5, 7, 6}};
  if (faces_.size() < 6) faces_.resize(6);
  num_faces_ = 6;
  for (int k = 0; k < 6; ++k) {
    faces_[k].neighbor = -1;
    faces_[k].loop.assign(kSides[k], kSides[k] + 4);
  }
}

int VoronoiCell::cut_edge(int inside, int outside) {
  for (const auto& [a, b, made] : cut_edges_) {
    if (a == inside && b == outside) return made;
  }
  const double t = height_[inside] / (height_[inside] - height_[outside]);
  const Cartesian p = vertices_[inside], q = vertices_[outside];
  const int made = static_cast<int>(vertices_.size());
  vertices_.push_back({p.x + t * (q.x - p.x), p.y + t * (q.y - p.y), p.z + t * (q.z - p.z)});
  cut_edges_.push_back({inside, outside, made});
  return made;
}

void VoronoiCell::cut(const Cartesian& position, int neighbor) {
  const double distance = std::sqrt(dot(position, position));
  const Cartesian normal = {position.x / distance, position.y / distance, position.z / distance};
  const std::size_t before = vertices_.size();
  height_.resize(before);
  double highest = -HUGE_VAL;
  for (std::size_t v = 0; v < before; ++v) {
    height_[v] = dot(normal, vertices_[v]) - distance / 2;
    highest = std::max(highest, height_[v]);
  }
  if (highest <= kOnPlane) return;

  cut_edges_.clear();
  rim_.clear();
  std::size_t left = 0;
  for (std::size_t f = 0; f < num_faces_; ++f) {
    const auto& loop = faces_[f].loop;
    kept_.clear();
    int inside = 0;
    for (std::size_t k = 0; k < loop.size(); ++k) {
      const int v = loop[k], next = loop[k + 1 < loop.size() ? k + 1 : 0];
      const bool v_out = height_[v] > kOnPlane, v_in = height_[v] < -kOnPlane;
      const bool next_out = height_[next] > kOnPlane, next_in = height_[next] < -kOnPlane;
      if (!v_out) {
        kept_.push_back(v);
        inside += v_in;
        if (!v_in) rim_.push_back(v);
      }
      if (v_in && next_out) kept_.push_back(cut_edge(v, next));
      if (v_out && next_in) kept_.push_back(cut_edge(next, v));
    }
    if (inside == 0 || kept_.size() < 3) continue;  // the face lies outside or on the plane
    if (left != f) std::swap(faces_[left], faces_[f]);
    faces_[left].loop.assign(kept_.begin(), kept_.end());
    ++left;
  }
  for (const auto& edge : cut_edges_) rim_.push_back(edge[2]);
  std::sort(rim_.begin(), rim_.end());
  rim_.erase(std::unique(rim_.begin(), rim_.end()), rim_.end());

  num_faces_ = left;
  if (rim_.size() >= 3) {
    // the new face is convex: its vertices in order of the angle about their centre
    Cartesian centre;
    for (const int v : rim_) {
      centre.x += vertices_[v].x / static_cast<double>(rim_.size());
      centre.y += vertices_[v].y / static_cast<double>(rim_.size());
      centre.z += vertices_[v].z / static_cast<double>(rim_.size());
    }
    const Cartesian helper = std::abs(normal.x) < 0.6 ? Cartesian{1, 0, 0} : Cartesian{0, 1, 0};
    Cartesian e1 = cross(normal, helper);
    const double length = std::sqrt(dot(e1, e1));
    e1 = {e1.x / length, e1.y / length, e1.z / length};
    const Cartesian e2 = cross(normal, e1);
    by_angle_.clear();
    for (const int v : rim_) {
      const Cartesian r = minus(vertices_[v], centre);
      by_angle_.emplace_back(pseudo_angle(dot(r, e1), dot(r, e2)), v);
    }
    std::sort(by_angle_.begin(), by_angle_.end());
    if (faces_.size() == num_faces_) faces_.emplace_back();
    Face& face = faces_[num_faces_++];
    face.neighbor = neighbor;
    face.loop.clear();
    for (const auto& [angle, v] : by_angle_) face.loop.push_back(v);
  }

  // drop the vertices that no face has any more
  kept_.assign(vertices_.size(), -1);
  int count = 0;
  for (std::size_t f = 0; f < num_faces_; ++f) {
    for (int& v : faces_[f].loop) {
      if (kept_[v] < 0) kept_[v] = count++;
      v = kept_[v];
    }
  }
  compact_.resize(count);
  for (std::size_t v = 0; v < vertices_.size(); ++v) {
    if (kept_[v] >= 0) compact_[kept_[v]] = vertices_[v];
  }
  vertices_.swap(compact_);
}

double VoronoiCell::radius() const {
  double square = 0;
  for (const auto& v : vertices_) square = std::max(square, dot(v, v));
  return std::sqrt(square);
}

bool VoronoiCell::bounded() const {
  for (std::size_t f = 0; f < num_faces_; ++f) {
    if (faces_[f].neighbor < 0) return false;
  }
  return num_faces_ >= 4;
}

void VoronoiCell::faces(std::vector<VoronoiFace>& result) const {
  result.clear();
  for (std::size_t f = 0; f < num_faces_; ++f) {
    const auto& loop = faces_[f].loop;
    VoronoiFace face{.neighbor = faces_[f].neighbor};
    const Cartesian& a = vertices_[loop[0]];
    const double a_length = std::sqrt(dot(a, a));
    for (std::size_t k = 1; k + 1 < loop.size(); ++k) {
      const Cartesian &b = vertices_[loop[k]], &c = vertices_[loop[k + 1]];
      const Cartesian normal = cross(minus(b, a), minus(c, a));
      face.area += 0.5 * std::sqrt(dot(normal, normal));
      // van Oosterom and Strackee, IEEE Trans. Biomed. Eng. 30, 125 (1983)
      const double b_length = std::sqrt(dot(b, b)), c_length = std::sqrt(dot(c, c));
      const double triple = std::abs(dot(a, cross(b, c)));
      const double divisor = a_length * b_length * c_length + dot(a, b) * c_length +
                             dot(a, c) * b_length + dot(b, c) * a_length;
      face.solid_angle += 2 * std::atan2(triple, divisor);
    }
    result.push_back(face);
  }
}

}  // namespace anneal
