#include "cif/reject_reason.h"

namespace anneal {

std::string_view reject_name(RejectReason reason) {
  switch (reason) {
    case RejectReason::kNone:
      return "";
    case RejectReason::kEmpty:
      return "empty";
    case RejectReason::kNoLattice:
      return "no_lattice";
    case RejectReason::kBadNumber:
      return "bad_number";
    case RejectReason::kNotFinite:
      return "not_finite";
    case RejectReason::kNonPositiveLength:
      return "non_positive_length";
    case RejectReason::kBadAngle:
      return "bad_angle";
    case RejectReason::kImpossibleCell:
      return "impossible_cell";
    case RejectReason::kUnknownElement:
      return "unknown_element";
    case RejectReason::kMissingCoordinates:
      return "missing_coordinates";
    case RejectReason::kTrailingText:
      return "trailing_text";
    case RejectReason::kNoSites:
      return "no_sites";
    case RejectReason::kDisordered:
      return "disordered";
    case RejectReason::kImplicitHydrogens:
      return "implicit_hydrogens";
    case RejectReason::kUnreadableCif:
      return "unreadable_cif";
    case RejectReason::kTooManySites:
      return "too_many_sites";
    case RejectReason::kUnreadableRow:
      return "unreadable_row";
  }
  return "unknown";
}

}  // namespace anneal
