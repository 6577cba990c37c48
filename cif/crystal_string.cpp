#include "cif/crystal_string.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cif/elements.h"

namespace anneal {
namespace {

/// Next line that is not blank, trimmed; nothing at the end.
std::optional<std::string_view> next_line(std::string_view& rest, int& line_number) {
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    const auto line = trim(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    ++line_number;
    if (!line.empty()) return line;
  }
  return std::nullopt;
}

/// Up to four fields of a line (a fourth means that there are too many).
std::vector<std::string_view> fields(std::string_view line) {
  std::vector<std::string_view> result;
  result.reserve(4);
  while (!line.empty() && result.size() < 4) {
    const auto end = line.find_first_of(" \t\r");
    if (end != 0) result.push_back(line.substr(0, end));
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  }
  return result;
}

/// Three numbers of a line, or the reason why not (`missing` if there are fewer than three).
std::optional<ParsedCrystal> three_numbers(std::string_view line, int line_number,
                                           RejectReason missing, std::array<double, 3>& values) {
  const auto parts = fields(line);
  for (std::size_t i = 0; i < std::min<std::size_t>(parts.size(), 3); ++i) {
    switch (read_number(parts[i], values[i])) {
      case NumberText::kNumber:
        break;
      case NumberText::kNotFinite:
        return rejected(RejectReason::kNotFinite,
                        fmt::format("line {}: {}", line_number, quoted(parts[i])));
      case NumberText::kNotANumber:
        return rejected(RejectReason::kBadNumber,
                        fmt::format("line {}: {} is not a number", line_number, quoted(parts[i])));
    }
  }
  if (parts.size() < 3) {
    return rejected(missing, fmt::format("line {}: three numbers are expected, there are {}: {}",
                                         line_number, parts.size(), quoted(line)));
  }
  if (parts.size() > 3) {
    return rejected(RejectReason::kTrailingText,
                    fmt::format("line {}: more than three numbers: {}", line_number, quoted(line)));
  }
  return std::nullopt;
}

}  // namespace

std::string crystal_string(const Crystal& crystal, const CrystalStringOptions& options) {
  const UnitCell& cell = crystal.cell;
  fmt::memory_buffer out;
  const auto at = std::back_inserter(out);
  fmt::format_to(at, "{:.1f} {:.1f} {:.1f}\n{} {} {}", cell.a, cell.b, cell.c,
                 static_cast<long>(cell.alpha), static_cast<long>(cell.beta),
                 static_cast<long>(cell.gamma));
  const auto coordinate = [&](double x) {
    x = wrap_fraction(x);
    // 0.995 is slightly below 0.995 in binary: ask the printed digits, not the number
    std::string text = fmt::format("{:.2f}", x);
    if (options.wrap_one && text == "1.00") text = "0.00";
    return text;
  };
  for (const auto& site : crystal.sites) {
    const auto& p = site.position;
    fmt::format_to(at, "\n{}\n{} {} {}", symbol(site.atomic_number), coordinate(p.x),
                   coordinate(p.y), coordinate(p.z));
  }
  return fmt::to_string(out);
}

ParsedCrystal parse_crystal_string(std::string_view text) {
  if (trim(text).empty()) return rejected(RejectReason::kEmpty, "there is nothing but white space");
  std::string_view rest = text;
  int line_number = 0;
  std::array<double, 3> lengths{}, angles{};

  for (auto* values : {&lengths, &angles}) {
    const auto line = next_line(rest, line_number);
    if (!line) return rejected(RejectReason::kNoLattice, "the line of the cell angles is missing");
    if (auto fault = three_numbers(*line, line_number, RejectReason::kNoLattice, *values)) {
      return *std::move(fault);
    }
  }

  Crystal crystal;
  crystal.cell = {lengths[0], lengths[1], lengths[2], angles[0], angles[1], angles[2]};
  while (const auto line = next_line(rest, line_number)) {
    Site site;
    site.atomic_number = atomic_number(*line);
    if (site.atomic_number == 0) {
      return rejected(RejectReason::kUnknownElement,
                      fmt::format("line {}: {} is not an element", line_number, quoted(*line)));
    }
    const auto coordinates = next_line(rest, line_number);
    std::array<double, 3> xyz{};
    if (!coordinates) {
      return rejected(RejectReason::kMissingCoordinates,
                      fmt::format("the text ends after the element {} of site {}", *line,
                                  crystal.sites.size() + 1));
    }
    if (auto fault =
            three_numbers(*coordinates, line_number, RejectReason::kMissingCoordinates, xyz)) {
      return *std::move(fault);
    }
    site.position = {xyz[0], xyz[1], xyz[2]};
    crystal.sites.push_back(site);
  }
  return checked_crystal(std::move(crystal));
}

std::string_view crystal_part(std::string_view generation) {
  for (const std::string_view marker :
       {"atom within the lattice:", "output-", "<|im_start|>answer"}) {
    const auto at = generation.rfind(marker);
    if (at != std::string_view::npos) generation.remove_prefix(at + marker.size());
  }
  return trim(before_end_marker(generation));
}

std::string_view before_end_marker(std::string_view generation) {
  for (const std::string_view marker : {"<|im_end|>", "</s>", "<|endoftext|>", "<|end_of_text|>"}) {
    generation = generation.substr(0, generation.find(marker));
  }
  return generation;
}

}  // namespace anneal
