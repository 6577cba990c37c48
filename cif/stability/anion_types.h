// Which kind of oxide or sulfide a structure is: what the MP2020 scheme asks of an entry that brings
// a structure and does not say it itself. The rules are pymatgen's `oxide_type` (with the factor
// 1.05 that the scheme uses) and `sulfide_type` (pymatgen.core.structure_analyzer).
#pragma once

#include <string>

#include "cif/crystal.h"

namespace anneal {

/// "hydroxide" (an O-H pair within 0.93 Angstrom times `factor`), "superoxide" or "ozonide" (O-O
/// within 1.35 Angstrom times it, for the latter with two such partners), "peroxide" (within 1.49),
/// else "oxide". Two sites are a pair by their minimum image.
std::string oxide_type_of(const Crystal& crystal, double factor = 1.05);

/// By the (at most four) neighbours of each kind of sulfur that are at most 0.4 Angstrom farther than
/// the nearest: "sulfate" if they are on average more electronegative than sulfur, "polysulfide" if
/// equally so and sulfur is among them, else "sulfide"; of a crystal the first of these that occurs.
std::string sulfide_type_of(const Crystal& crystal);

}  // namespace anneal
