// What a CIF says of its crystal beside cell and sites; checked against them by the validity of
// CrystaLLM (cif/validity/crystallm.h).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cif/crystal.h"

namespace anneal {

struct StatedFacts {
  std::string block_name;          ///< behind "data_"
  std::string formula_sum;         ///< _chemical_formula_sum; "" where it is missing
  std::string formula_structural;  ///< _chemical_formula_structural
  std::string space_group;         ///< Hermann-Mauguin symbol
  /// Atomic number and stated multiplicity of each listed site; multiplicity 0: none stated.
  std::vector<std::pair<int, int>> multiplicities;
};

/// "Ca3Al2(SiO4)3", "Ca6 Al4 Si6 O24": counts by atomic number as written. Empty for what is no
/// formula of whole numbers.
Composition parse_formula_counts(std::string_view text);

/// The same, reduced.
Composition formula_composition(std::string_view text);

}  // namespace anneal
