// The 230 space groups: number, short Hermann-Mauguin symbol ("P6_3/mmc") and crystal system
// (International Tables for Crystallography, volume A).
#pragma once

#include <string_view>

namespace anneal {

inline constexpr int kNumSpaceGroups = 230;

/// Symbol of group 1..230, "" for other numbers.
std::string_view space_group_symbol(int number);

/// Number of a symbol (blanks ignored; symbols of before 1992 too), 0 if it is none.
int facts_space_group_number(std::string_view symbol);

/// "triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal" or "cubic"; ""
/// for numbers outside 1..230.
std::string_view facts_crystal_system(int number);

}  // namespace anneal
