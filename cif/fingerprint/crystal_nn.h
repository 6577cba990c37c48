// Near neighbours by CrystalNN (Pan et al., Inorg. Chem. 60, 1590, 2021) with pymatgen's defaults and no
// oxidation states: Voronoi faces weighted by solid angle over area, by the difference of
// electronegativities (1 + 3 sqrt(|dX| / 3.3)) and by distance (1 up to 0.5 A beyond the sum of the
// covalent radii, 0 from 1 A beyond); the weight of a coordination number is the part of a quarter
// circle between the weights of its last neighbour and the next one.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cif/crystal.h"
#include "cif/fingerprint/neighbor_search.h"
#include "cif/fingerprint/voronoi_cell.h"

namespace anneal {

struct NearNeighbor {
  int site = 0;
  Cartesian offset;   ///< from the central site, Angstrom
  double weight = 0;  ///< 0.001 .. 1, rounded to three decimals as the reference does
};

/// What a coordination number weighs: the first `count` of the neighbours.
struct Coordination {
  int count = 0;
  double weight = 0;
};

struct SiteCoordination {
  std::vector<NearNeighbor> neighbors;     ///< highest weight first
  std::vector<Coordination> coordinations; ///< ascending counts; weights add up to at most 1
  std::string failure;                     ///< why there is none; "" if there is
};

/// Finds the near neighbours of the sites of one crystal, one site at a time; keeps its memory.
class CrystalNN {
 public:
  explicit CrystalNN(const Crystal& crystal);
  /// Valid until the next call. Fails, as the reference does, if the Voronoi cell stays open at the
  /// largest radius (the longest diagonal of the cell) or a neighbour has no radius (Z > 96); and
  /// where more than 200,000 sites lie within reach. Sites at one place do not see each other.
  const SiteCoordination& at(int site);

 private:
  bool build_cell(int site);
  const Crystal& crystal_;
  NeighborSearch search_;
  double largest_radius_;
  std::vector<Neighbor> around_;
  std::vector<VoronoiFace> faces_;
  VoronoiCell cell_;
  SiteCoordination result_;
};

}  // namespace anneal
