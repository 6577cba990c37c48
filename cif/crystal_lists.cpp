// Crystals whose numbers stand in a table as Python lists.
#include <fmt/core.h>

#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cif/crystal_table.h"
#include "cif/elements.h"

namespace anneal {
namespace {

/// Elements of one list without brackets and quotes; commas or blanks between them (numpy prints
/// none). Nothing if it is not a list. `depth` 2 expects a list of lists and joins them, each of
/// `width` elements.
std::optional<std::vector<std::string_view>> list_items(std::string_view text, int depth,
                                                        std::size_t width = 0) {
  std::vector<std::string_view> items;
  int open = 0;
  std::size_t inner = 0;
  bool closed = false;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == ' ' || c == ',' || c == '\n' || c == '\r' || c == '\t') {
      ++i;
    } else if (closed) {
      return std::nullopt;
    } else if (c == '[' || c == '(') {
      if (++open > depth) return std::nullopt;
      inner = 0;
      ++i;
    } else if (c == ']' || c == ')') {
      if (open == 0) return std::nullopt;
      if (depth == 2 && open == 2 && inner != width) return std::nullopt;
      if (--open == 0) closed = true;
      ++i;
    } else {
      if (open != depth) return std::nullopt;
      std::size_t end;
      if (c == '\'' || c == '"') {
        end = text.find(c, i + 1);
        if (end == std::string_view::npos) return std::nullopt;
        items.push_back(text.substr(i + 1, end - i - 1));
        ++end;
      } else {
        end = text.find_first_of(" ,[]()\n\r\t", i);
        if (end == std::string_view::npos) return std::nullopt;
        items.push_back(text.substr(i, end - i));
      }
      ++inner;
      i = end;
    }
  }
  if (!closed) return std::nullopt;
  return items;
}

std::optional<ParsedCrystal> numbers(const std::vector<std::string_view>& items, const char* what,
                                     std::vector<double>& values) {
  for (const auto item : items) {
    double value = 0;
    switch (read_number(item, value)) {
      case NumberText::kNumber:
        values.push_back(value);
        break;
      case NumberText::kNotFinite:
        return rejected(RejectReason::kNotFinite, fmt::format("{}: {}", what, quoted(item)));
      case NumberText::kNotANumber:
        return rejected(RejectReason::kBadNumber,
                        fmt::format("{}: {} is not a number", what, quoted(item)));
    }
  }
  return std::nullopt;
}

}  // namespace

ParsedCrystal parse_crystal_lists(std::string_view lengths, std::string_view angles,
                                  std::string_view species, std::string_view coords) {
  std::vector<double> cell, xyz;
  for (const auto& [text, what] : {std::pair(lengths, "lengths"), std::pair(angles, "angles")}) {
    const auto items = list_items(text, 1);
    if (!items || items->size() != 3) {
      return rejected(RejectReason::kNoLattice,
                      fmt::format("{}: three numbers are expected: {}", what, quoted(text)));
    }
    if (auto fault = numbers(*items, what, cell)) return *std::move(fault);
  }
  const auto names = list_items(species, 1);
  if (!names) {
    return rejected(RejectReason::kUnreadableRow,
                    fmt::format("species: a list is expected: {}", quoted(species)));
  }
  if (names->empty()) return rejected(RejectReason::kNoSites, "the list of species is empty");
  const auto items = list_items(coords, 2, 3);
  if (!items) {
    return rejected(
        RejectReason::kMissingCoordinates,
        fmt::format("coords: a list of three numbers per site is expected: {}", quoted(coords)));
  }
  Crystal crystal;
  crystal.cell = {cell[0], cell[1], cell[2], cell[3], cell[4], cell[5]};
  for (const auto name : *names) {
    Site site;
    site.atomic_number = atomic_number(trim(name));
    if (site.atomic_number == 0) {
      return rejected(RejectReason::kUnknownElement,
                      fmt::format("species: {} is not an element", quoted(name)));
    }
    crystal.sites.push_back(site);
  }
  if (auto fault = numbers(*items, "coords", xyz)) return *std::move(fault);
  if (xyz.size() != 3 * crystal.sites.size()) {
    return rejected(
        RejectReason::kMissingCoordinates,
        fmt::format("{} species but {} coordinates", crystal.sites.size(), xyz.size() / 3));
  }
  for (std::size_t i = 0; i < crystal.sites.size(); ++i) {
    crystal.sites[i].position = {xyz[3 * i], xyz[3 * i + 1], xyz[3 * i + 2]};
  }
  return checked_crystal(std::move(crystal));
}

}  // namespace anneal
