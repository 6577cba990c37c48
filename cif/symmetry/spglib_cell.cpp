#include "cif/symmetry/spglib_cell.h"

#include "cif/match/lattice.h"

namespace anneal {

SpglibCell::SpglibCell(const Crystal& crystal) {
  const CellMatrix rows = crystal.cell.matrix();
  for (int i = 0; i < 3; ++i) {
    for (int k = 0; k < 3; ++k) lattice[k][i] = rows[i][k];
  }
  for (const Site& site : crystal.sites) {
    types.push_back(site.atomic_number);
    // wrapped: huge coordinates would lose their fraction in Cartesian space
    coordinates.push_back({wrap_fraction(site.position.x), wrap_fraction(site.position.y),
                           wrap_fraction(site.position.z)});
  }
}

Crystal SpglibCell::crystal() const {
  CellMatrix rows;
  for (int i = 0; i < 3; ++i) {
    for (int k = 0; k < 3; ++k) rows[i][k] = lattice[k][i];
  }
  const auto wrapped = [](double x) {
    const double inside = wrap_fraction(x);
    return inside > 1 - 1e-9 || inside < 1e-9 ? 0 : inside;
  };
  Crystal result;
  result.cell = cell_of(rows);
  for (std::size_t i = 0; i < types.size(); ++i) {
    const auto& p = coordinates[i];
    result.sites.push_back({types[i], {wrapped(p[0]), wrapped(p[1]), wrapped(p[2])}});
  }
  return result;
}

}  // namespace anneal
