// The outcome of reading one crystal: the crystal, or the reason why it is none.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cif/crystal.h"
#include "cif/reject_reason.h"
#include "cif/stated_facts.h"

namespace anneal {

struct ParsedCrystal {
  std::optional<Crystal> crystal;
  RejectReason reason = RejectReason::kNone;
  std::string detail;  ///< what exactly was wrong, with the value and the line; "" if nothing was
  /// The atoms, also where only the cell is at fault: CDVAE judges the composition of such a
  /// crystal all the same. Empty if the sites could not be read.
  Composition composition;
  bool from_cif = false;  ///< the text was read as a CIF, well or not
  /// What the CIF says beside; null for other texts and for a CIF whose sites could not be read.
  std::shared_ptr<const StatedFacts> stated;
};

/// A rejection with its detail.
ParsedCrystal rejected(RejectReason reason, std::string detail);

/// Checks cell and sites of numbers already read (finite, positive, possible, at least one site, at
/// most `kMaxSites`) and makes the crystal or the reason.
ParsedCrystal checked_crystal(Crystal crystal);

inline constexpr std::size_t kMaxSites = 100'000;

/// What a text says where a number should be.
enum class NumberText { kNumber, kNotFinite, kNotANumber };

/// Reads a whole text as a decimal number ("-1.5", "2", "+3e-1"; "nan" and "inf" are kNotFinite).
NumberText read_number(std::string_view text, double& value);

}  // namespace anneal
