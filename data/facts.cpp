#include "data/facts.h"

#include <charconv>
#include <cstdlib>
#include <functional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "cif/elements.h"
#include "data/facts_space_groups.h"

#ifndef ANNEAL_FACTS_DIR
#error "data/CMakeLists.txt defines ANNEAL_FACTS_DIR"
#endif

namespace anneal {
namespace {

using Fields = std::vector<std::string_view>;

double number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw DataError(fmt::format("'{}' is not a number", text));
  }
  return value;
}

std::array<double, 3> three_numbers(std::string_view text) {
  const auto parts = split(text, ' ');
  if (parts.size() != 3) throw DataError(fmt::format("three numbers expected, got '{}'", text));
  return {number(parts[0]), number(parts[1]), number(parts[2])};
}

/// Reads a table whose columns must be `columns`; faults get the file and the line.
void read_table(const std::filesystem::path& file, std::string_view columns,
                const std::function<void(const Fields&)>& take) {
  const std::string text = read_file(file);
  const std::size_t num_columns = split(columns, ',').size();
  bool header = false;
  int line_number = 0;
  for (const auto line : split(text, '\n')) {
    ++line_number;
    if (trim(line).empty() || line.front() == '#') continue;
    try {
      if (!header) {
        if (trim(line) != columns) {
          throw DataError(fmt::format("columns '{}' expected, got '{}'", columns, trim(line)));
        }
        header = true;
        continue;
      }
      const Fields fields = split(trim(line), ',');
      if (fields.size() != num_columns) {
        throw DataError(fmt::format("{} fields expected, got {}", num_columns, fields.size()));
      }
      take(fields);
    } catch (const DataError& e) {
      throw DataError(fmt::format("{}:{}: {}", file.string(), line_number, e.what()),
                      "the table is made by data/facts/make_facts.py");
    }
  }
  if (!header) throw DataError(fmt::format("{}: the table is empty", file.string()));
}

std::vector<Site> read_sites(std::string_view text) {
  std::vector<Site> sites;
  const auto parts = split(text, ' ');
  int z = 0;
  for (std::size_t i = 0; i < parts.size();) {
    if (!parts[i].empty() && parts[i][0] >= 'A' && parts[i][0] <= 'Z') {
      z = atomic_number(parts[i]);
      if (z == 0) throw DataError(fmt::format("'{}' is not an element", parts[i]));
      ++i;
    }
    if (z == 0 || i + 3 > parts.size()) {
      throw DataError(
          fmt::format("site {}: an element and three coordinates expected", sites.size() + 1));
    }
    sites.push_back(
        {z, {number(parts[i]) / 1e4, number(parts[i + 1]) / 1e4, number(parts[i + 2]) / 1e4}});
    i += 3;
  }
  return sites;
}

}  // namespace

std::filesystem::path facts_folder() {
  const char* from_environment = std::getenv("ANNEAL_FACTS_DIR");
  const bool overridden = from_environment != nullptr && *from_environment != '\0';
  const std::filesystem::path folder = overridden ? from_environment : ANNEAL_FACTS_DIR;
  if (!std::filesystem::exists(folder / "crystals.csv")) {
    throw DataError(
        fmt::format("the built-in tables of facts were not found: no crystals.csv in {}{}",
                    folder.string(), overridden ? " (set by ANNEAL_FACTS_DIR)" : ""),
        "set the environment variable ANNEAL_FACTS_DIR to the folder data/facts of anneal's "
        "sources");
  }
  return folder;
}

std::vector<FactCrystal> read_fact_crystals(const std::filesystem::path& file) {
  std::vector<FactCrystal> crystals;
  read_table(file, "id,formula,spacegroup,density,lengths,angles,sites", [&](const Fields& f) {
    FactCrystal fact;
    fact.id = f[0];
    fact.formula = f[1];
    fact.spacegroup = f[2];
    if (facts_space_group_number(fact.spacegroup) == 0) {
      throw DataError(fmt::format("'{}' is not a space group", fact.spacegroup));
    }
    fact.density_g_cm3 = number(f[3]);
    const auto lengths = three_numbers(f[4]), angles = three_numbers(f[5]);
    fact.crystal.cell = {lengths[0], lengths[1], lengths[2], angles[0], angles[1], angles[2]};
    if (!fact.crystal.cell.possible()) throw DataError("no cell has these lengths and angles");
    fact.crystal.sites = read_sites(f[6]);
    crystals.push_back(std::move(fact));
  });
  return crystals;
}

std::vector<BandGap> read_band_gaps(const std::filesystem::path& file) {
  std::vector<BandGap> gaps;
  read_table(file, "formula,gap_ev", [&](const Fields& f) {
    gaps.push_back({std::string(f[0]), number(f[1])});
  });
  return gaps;
}

}  // namespace anneal
