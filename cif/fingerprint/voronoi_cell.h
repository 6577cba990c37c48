// The Voronoi cell of one site among its neighbours: a box that the bisecting planes cut down.
// The site is the origin; lengths in Angstrom.
#pragma once

#include <array>
#include <vector>

#include "cif/crystal.h"

namespace anneal {

/// A face of the cell, shared with one neighbour.
struct VoronoiFace {
  int neighbor = 0;       ///< as given to `cut`
  double solid_angle = 0;  ///< seen from the site, steradian
  double area = 0;        ///< Angstrom^2
};

class VoronoiCell {
 public:
  /// A cube about the site, from -half_width to half_width; large against any cell to come.
  void reset(double half_width);
  /// Cuts off all that is nearer to the neighbour at `position` (not the origin) than to the site.
  void cut(const Cartesian& position, int neighbor);
  /// Distance of the farthest vertex; a neighbour more than twice as far cannot cut the cell.
  double radius() const;
  /// Whether nothing of the cube is left, that is: the neighbours enclose the site.
  bool bounded() const;
  /// The faces shared with neighbours, in the order of the cuts. Call it on a bounded cell.
  void faces(std::vector<VoronoiFace>& result) const;

 private:
  struct Face {
    int neighbor = -1;      // below 0: a side of the cube
    std::vector<int> loop;  // vertices in order
  };
  int cut_edge(int inside, int outside);

  std::vector<Cartesian> vertices_, compact_;
  std::vector<double> height_;  // of each vertex over the plane of the present cut
  std::vector<Face> faces_;
  std::size_t num_faces_ = 0;  // of faces_; those behind keep their memory
  std::vector<std::array<int, 3>> cut_edges_;  // inside, outside, new vertex
  std::vector<int> rim_, kept_;
  std::vector<std::pair<double, int>> by_angle_;
};

}  // namespace anneal
