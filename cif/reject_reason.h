// Why a text is not a crystal: a value, never an exception; the names stand in verdicts.jsonl.
#pragma once

#include <string_view>

namespace anneal {

enum class RejectReason {
  kNone,                ///< it is a crystal
  kEmpty,               ///< nothing but white space
  kNoLattice,           ///< no three lengths and three angles where they belong
  kBadNumber,           ///< a number was expected
  kNotFinite,           ///< NaN or infinity
  kNonPositiveLength,   ///< a cell length <= 0
  kBadAngle,            ///< a cell angle outside (0, 180) degrees
  kImpossibleCell,      ///< angles that no cell has (alpha > beta + gamma, sum >= 360)
  kUnknownElement,      ///< a symbol that is no element
  kMissingCoordinates,  ///< a site without three coordinates
  kTrailingText,        ///< more on a line than belongs there
  kNoSites,             ///< a cell without atoms
  kDisordered,          ///< partial or mixed occupancy: not one crystal
  kImplicitHydrogens,   ///< hydrogen atoms that are only mentioned ("Wat", attached hydrogens)
  kUnreadableCif,       ///< not CIF syntax
  kTooManySites,        ///< beyond the limit that keeps time and memory bounded
  kUnreadableRow,       ///< a table row or JSON line that cannot be read
};

/// Stable name: "none" is "" (nothing to tell), the others are like "no_lattice".
std::string_view reject_name(RejectReason reason);

}  // namespace anneal
