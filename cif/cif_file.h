// CIF files through gemmi: reading (symmetry operations expanded, uncertainties in parentheses) and
// writing (P 1, pymatgen's fields). Reading never throws on content: what is no crystal gets a
// reason (conventions.md 12).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cif/parsed_crystal.h"

namespace anneal {

struct CifBlock {
  std::string name;  ///< without "data_"
  ParsedCrystal parsed;
};

/// All blocks that describe a structure (a cell or atom sites), in order; if none does, one entry
/// with the reason. Operations come from the listed symmetry operations, else the Hermann-Mauguin
/// or Hall symbol or the number, else P 1. Sites closer than 1e-4 in all fractional coordinates to
/// an image of themselves are one (as in pymatgen). Where operations beyond the identity are
/// applied, coordinates within 1e-4 of 1/3 or 2/3 are those (finite precision of hand-written
/// files), but for those written with seven decimals or more. Deuterium and tritium are hydrogen;
/// dummy atoms and sites of occupancy 0 are left out.
std::vector<CifBlock> read_cif_blocks(std::string_view text);

/// The first block with atom sites.
ParsedCrystal read_cif(std::string_view text);

/// P 1 with all sites, 8 decimals, fields and layout as pymatgen's CifWriter; `name` goes behind
/// "data_" (blanks become "_"; the formula if empty). Read back, the numbers are those printed.
std::string write_cif(const Crystal& crystal, std::string_view name = "");

}  // namespace anneal
