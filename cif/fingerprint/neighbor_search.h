// All sites of a periodic crystal within a radius of one of its sites.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "cif/crystal.h"

namespace anneal {

struct Neighbor {
  int site = 0;        ///< index in the crystal's sites
  Cartesian offset;    ///< position minus that of the central site, Angstrom
  double distance = 0; ///< Angstrom
};

class NeighborSearch {
 public:
  /// Reduces the cell and sorts the sites into bins; the crystal need not stay alive.
  explicit NeighborSearch(const Crystal& crystal);

  /// Finds all sites and periodic images within `radius` (Angstrom) of a site, itself in its own
  /// place not counted, nearest first (equal distances: by site, then as found). Stops and gives
  /// false if there are more than `limit`.
  bool within(int site, double radius, std::size_t limit, std::vector<Neighbor>& result) const;

  std::size_t num_sites() const { return cartesian_.size(); }
  double volume_a3() const { return volume_; }

 private:
  CellMatrix basis_;                  // reduced, rows
  std::array<double, 3> spacing_;     // between opposite faces of the reduced cell, Angstrom
  std::array<int, 3> bins_;
  double volume_ = 0;
  std::vector<Cartesian> cartesian_;  // inside the reduced cell
  std::vector<std::array<int, 3>> bin_of_;
  std::vector<int> order_, start_;    // sites by bin
};

}  // namespace anneal
