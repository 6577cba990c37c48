// Crystals in the arrays that spglib works on: the cell vectors as columns.
#pragma once

#include <spglib.h>

#include <array>
#include <vector>

#include "cif/crystal.h"

namespace anneal {

struct SpglibCell {
  double lattice[3][3] = {};  ///< columns a, b, c, Angstrom
  std::vector<std::array<double, 3>> coordinates;
  std::vector<int> types;

  SpglibCell() = default;
  explicit SpglibCell(const Crystal& crystal);
  int size() const { return static_cast<int>(types.size()); }
  double (*positions())[3] { return reinterpret_cast<double(*)[3]>(coordinates.data()); }
  /// Coordinates wrapped into [0, 1), those within 1e-9 of 1 to 0; lengths and angles of the
  /// lattice.
  Crystal crystal() const;
};

}  // namespace anneal
