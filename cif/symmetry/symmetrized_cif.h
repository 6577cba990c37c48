// Writing a crystal as a CIF with its space group: the sites that symmetry does not make.
#pragma once

#include <string>
#include <string_view>

#include "cif/symmetry/space_group.h"

namespace anneal {

/// The conventional cell (`group.conventional`), the operations of its setting and one site of each
/// orbit with its multiplicity, 8 decimals; fields as pymatgen's CifWriter. Read back, the sites are
/// those of the conventional cell to the printed digits, and writing it again gives the same text.
std::string write_symmetrized_cif(const SpaceGroup& group, std::string_view name = "");

}  // namespace anneal
