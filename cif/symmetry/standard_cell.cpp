#include "cif/symmetry/standard_cell.h"

#include <cmath>

#include "cif/match/lattice.h"
#include "cif/symmetry/spglib_cell.h"

namespace anneal {

std::optional<Crystal> primitive_cell(const Crystal& crystal, double precision_a) {
  if (crystal.sites.empty() || crystal.sites.size() > kMaxSymmetrySites) return std::nullopt;
  SpglibCell cell(crystal);
  const int sites = spgat_standardize_cell(cell.lattice, cell.positions(), cell.types.data(),
                                           cell.size(), /*to_primitive=*/1, /*no_idealize=*/0,
                                           precision_a, /*angle_tolerance=*/5);
  if (sites <= 0) return std::nullopt;
  cell.types.resize(sites);
  cell.coordinates.resize(sites);
  return cell.crystal();
}

std::optional<Crystal> niggli_cell(const Crystal& crystal) {
  const CellMatrix before = crystal.cell.matrix();
  const CellMatrix after = niggli_reduced(before);
  const CellMatrix change = times(before, inverse(after));
  for (const auto& row : change) {
    for (const double x : row) {
      if (!std::isfinite(x)) return std::nullopt;
    }
  }
  SpglibCell cell(crystal);
  for (int i = 0; i < 3; ++i) {
    for (int k = 0; k < 3; ++k) cell.lattice[k][i] = after[i][k];
  }
  for (auto& p : cell.coordinates) p = times(p, change);
  return cell.crystal();
}

}  // namespace anneal
