#include <map>

#include "base/error.h"
#include "base/text.h"
#include "cif/csv.h"
#include "cif/elements.h"
#include "cif/parsed_crystal.h"
#include "cif/stability/entries_read.h"

namespace anneal {
namespace fs = std::filesystem;

PhaseEntries read_entries_csv(const fs::path& path) {
  CsvReader reader(path);
  std::optional<std::size_t> energy, formula, id;
  // An energy an atom is right for any multiple of the formula, that of a cell only for the cell's own.
  const std::optional<std::size_t> per_atom = reader.find("energy_per_atom");
  for (const char* name : {"Final energy", "energy", "total_energy", "Energy"}) {
    if (!energy && !per_atom) energy = reader.find(name);
  }
  for (const char* name : {"formula", "composition", "pretty_formula"}) {
    if (!formula) formula = reader.find(name);
  }
  for (const char* name : {"entry_id", "material_id", "id", "Name", "name"}) {
    if (!id) id = reader.find(name);
  }
  std::vector<std::pair<std::size_t, int>> elements;
  if (!formula) {
    for (std::size_t i = 0; i < reader.columns().size(); ++i) {
      if (const int z = atomic_number(trim(reader.columns()[i])); z != 0) elements.emplace_back(i, z);
    }
  }
  if (!energy && !per_atom) {
    throw DataError(missing_column_message(path, "energy", reader.columns()));
  }
  if (!formula && elements.empty()) {
    throw DataError(missing_column_message(path, "formula", reader.columns()),
                    "a column `formula`, or one column for each element");
  }
  if (energy && formula && reader.columns()[*formula] == "pretty_formula") {
    throw DataError(fmt::format("{} has reduced formulas (column pretty_formula) beside energies of a cell ({})",
                                path.string(), reader.columns()[*energy]),
                    "give the energies as a column `energy_per_atom`, or the cells' formulas as `formula`");
  }
  PhaseEntries result;
  std::vector<std::string> row;
  while (reader.next(row)) {
    const auto where = fmt::format("{}:{}", path.string(), reader.line());
    if (row.size() != reader.columns().size()) {
      bad_entry(where, fmt::format("{} fields instead of {}", row.size(), reader.columns().size()));
    }
    const auto number = [&](std::size_t column) {
      double value = 0;
      if (read_number(trim(row[column]), value) != NumberText::kNumber) {
        bad_entry(where, fmt::format("\"{}\" in column {} is no number", row[column].substr(0, 60),
                                     reader.columns()[column]));
      }
      return value;
    };
    PhaseEntry entry;
    if (formula) {
      const auto amounts = read_formula(trim(row[*formula]));
      if (!amounts) bad_entry(where, fmt::format("\"{}\" is no formula", row[*formula].substr(0, 60)));
      entry.amounts = *amounts;
    } else {
      std::map<int, double> amounts;
      for (const auto& [column, z] : elements) {
        if (trim(row[column]).empty()) continue;
        const double amount = number(column);
        if (!(amount >= 0 && amount <= kMaxAmount)) bad_entry(where, fmt::format("amount {} of {}", amount, symbol(z)));
        amounts[z] += amount;
      }
      entry.amounts = to_amounts(amounts);
      if (entry.amounts.empty()) bad_entry(where, "no atoms");
    }
    entry.energy_ev = per_atom ? number(*per_atom) * entry.atoms() : number(*energy);
    entry.id = id ? row[*id] : fmt::format("line {}", reader.line());
    ++result.report.read;
    ++result.report.functionals["unknown"];
    result.entries.push_back(std::move(entry));
  }
  return result;
}

}  // namespace anneal
