// Words for the chemical elements: names, families of the periodic table, names of simple anions.
#pragma once

#include <initializer_list>
#include <iterator>
#include <span>
#include <string_view>
#include <utility>

namespace anneal {

/// English name in lower case ("iron"), "" outside 1..118.
std::string_view element_name(int atomic_number);

/// "alkali metal", "alkaline earth metal", "transition metal" (groups 3 to 11), "post-transition
/// metal" (groups 12 to 15), "lanthanide", "actinide", "metalloid", "nonmetal", "halogen" or "noble
/// gas"; "element" for those whose chemistry is unknown.
std::string_view element_family(int atomic_number);

/// Common oxidation states, ascending, without 0 (pymatgen's periodic table); may be empty.
std::span<const signed char> common_oxidation_states(int atomic_number);

/// What binary compounds of the element are called when it is the most electronegative one
/// ("oxide"), "" for elements that form none.
std::string_view anion_name(int atomic_number);

}  // namespace anneal
