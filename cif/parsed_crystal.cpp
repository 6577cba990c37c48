#include "cif/parsed_crystal.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <utility>

namespace anneal {

ParsedCrystal rejected(RejectReason reason, std::string detail) {
  ParsedCrystal result;
  result.reason = reason;
  result.detail = std::move(detail);
  return result;
}

ParsedCrystal checked_crystal(Crystal crystal) {
  const UnitCell& cell = crystal.cell;
  if (crystal.sites.empty()) return rejected(RejectReason::kNoSites, "the cell holds no atom");
  if (crystal.sites.size() > kMaxSites) {
    return rejected(RejectReason::kTooManySites,
                    fmt::format("{} sites, at most {} are read", crystal.sites.size(), kMaxSites));
  }
  ParsedCrystal result;
  result.composition = crystal.composition();
  const auto reject = [&](RejectReason reason, std::string detail) {
    result.reason = reason;
    result.detail = std::move(detail);
    return std::move(result);
  };
  for (const double value : {cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma}) {
    if (!std::isfinite(value)) {
      return reject(RejectReason::kNotFinite, fmt::format("cell parameter {}", value));
    }
  }
  for (const auto& site : crystal.sites) {
    const auto& p = site.position;
    if (!std::isfinite(p.x) || !std::isfinite(p.y) || !std::isfinite(p.z)) {
      return reject(RejectReason::kNotFinite, fmt::format("coordinates {} {} {}", p.x, p.y, p.z));
    }
  }
  for (const double length : {cell.a, cell.b, cell.c}) {
    if (length <= 0) {
      return reject(RejectReason::kNonPositiveLength, fmt::format("cell length {}", length));
    }
  }
  for (const double angle : {cell.alpha, cell.beta, cell.gamma}) {
    if (angle <= 0 || angle >= 180) {
      return reject(RejectReason::kBadAngle, fmt::format("cell angle {} degrees", angle));
    }
  }
  if (!cell.possible() || !std::isfinite(cell.volume())) {
    return reject(RejectReason::kImpossibleCell,
                  fmt::format("no cell has the lengths {} {} {} and angles {} {} {}", cell.a,
                              cell.b, cell.c, cell.alpha, cell.beta, cell.gamma));
  }
  result.crystal = std::move(crystal);
  return result;
}

NumberText read_number(std::string_view text, double& value) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || text.empty()) return NumberText::kNotANumber;
  if (error == std::errc::result_out_of_range) return NumberText::kNotFinite;
  if (error != std::errc()) return NumberText::kNotANumber;
  return std::isfinite(value) ? NumberText::kNumber : NumberText::kNotFinite;
}

}  // namespace anneal
