#include <cctype>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cif/byte_source.h"
#include "cif/elements.h"
#include "cif/match/lattice.h"
#include "cif/parsed_crystal.h"
#include "cif/stability/entries_read.h"
#include "cif/stability/mp2020.h"

namespace anneal {
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

Amounts composition_of(const Json& value, const std::string& where) {
  if (value.is_string()) {
    auto amounts = read_formula(value.get<std::string>());
    if (!amounts) bad_entry(where, fmt::format("\"{}\" is no formula", value.get<std::string>()));
    return *amounts;
  }
  if (!value.is_object()) bad_entry(where, "no composition");
  std::map<int, double> amounts;
  for (const auto& [key, amount] : value.items()) {
    if (!key.empty() && key[0] == '@') continue;
    // "Fe3+" is iron: an oxidation state does not change the composition
    std::size_t letters = 0;
    while (letters < key.size() && std::isalpha(static_cast<unsigned char>(key[letters]))) ++letters;
    const int z = atomic_number(key.substr(0, letters));
    if (z == 0 || !amount.is_number() || !(amount.get<double>() >= 0 && amount.get<double>() <= kMaxAmount)) {
      bad_entry(where, fmt::format("composition has \"{}\": {}", key, amount.dump()));
    }
    amounts[z] += amount.get<double>();
  }
  auto sorted = to_amounts(amounts);
  if (sorted.empty()) bad_entry(where, "empty composition");
  return sorted;
}

std::map<int, double> numbers_by_element(const Json& object) {
  std::map<int, double> numbers;
  for (const auto& [key, value] : object.items()) {
    const int z = atomic_number(key);
    if (z != 0 && value.is_number()) numbers[z] = value.get<double>();
  }
  return numbers;
}

std::string text_field(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

const Json& object_field(const Json& object, const char* name) {
  static const Json empty = Json::object();
  const auto found = object.find(name);
  return found != object.end() && found->is_object() ? *found : empty;
}

/// A structure as pymatgen writes it; nothing, and why, if it is no ordered crystal.
std::optional<Crystal> structure_of(const Json& json, std::string& fault) {
  try {
    CellMatrix lattice;
    const Json& matrix = json.at("lattice").at("matrix");
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j) lattice[i][j] = matrix.at(i).at(j).get<double>();
    }
    Crystal crystal{cell_of(lattice), {}};
    for (const Json& site : json.at("sites")) {
      const Json& species = site.at("species");
      if (species.size() != 1 || species.at(0).value("occu", 1.0) != 1) {
        fault = "disordered sites";
        return std::nullopt;
      }
      const auto name = species.at(0).at("element").get<std::string>();
      const int z = atomic_number(name);
      if (z == 0) {
        fault = fmt::format("an unknown element '{}'", name);
        return std::nullopt;
      }
      const Json& at = site.at("abc");
      crystal.sites.push_back({z, {at.at(0).get<double>(), at.at(1).get<double>(), at.at(2).get<double>()}});
    }
    if (!crystal.cell.possible() || crystal.sites.empty()) {
      fault = "no possible cell, or no sites";
      return std::nullopt;
    }
    return crystal;
  } catch (const Json::exception& error) {
    fault = fmt::format("a form that is not pymatgen's ({})", error.what());
    return std::nullopt;
  }
}

CalculationFacts facts_of(const Json& entry) {
  const Json& parameters = object_field(entry, "parameters");
  const Json& data = object_field(entry, "data");
  CalculationFacts facts;
  facts.run_type = text_field(parameters, "run_type");
  facts.hubbards_ev = numbers_by_element(object_field(parameters, "hubbards"));
  const auto second_word = [](const std::string& text) {
    const auto words = split(text, ' ');
    return std::string(words.size() > 1 ? words[1] : words[0]);
  };
  if (const auto spec = parameters.find("potcar_spec"); spec != parameters.end() && spec->is_array() && !spec->empty()) {
    for (const auto& one : *spec) {
      if (one.is_object()) facts.potcar_symbols.push_back(second_word(text_field(one, "titel")));
    }
  } else if (const auto list = parameters.find("potcar_symbols");
             list != parameters.end() && list->is_array()) {
    for (const auto& one : *list) {
      if (one.is_string()) facts.potcar_symbols.push_back(second_word(one.get<std::string>()));
    }
  }
  facts.oxide_type = text_field(data, "oxide_type");
  facts.sulfide_type = text_field(data, "sulfide_type");
  if (const auto structure = entry.find("structure"); structure != entry.end() && structure->is_object()) {
    facts.structure = structure_of(*structure, facts.structure_fault);
  }
  if (const auto states = data.find("oxidation_states"); states != data.end() && states->is_object()) {
    facts.oxidation_states = numbers_by_element(*states);
  }
  return facts;
}

void add_entry(const Json& json, const std::string& where, PhaseEntries& result) {
  PhaseEntry entry;
  if (const auto composition = json.find("composition"); composition != json.end()) {
    entry.amounts = composition_of(*composition, where);
  } else {
    bad_entry(where, "no composition");
  }
  const auto energy = json.find("energy");
  if (energy == json.end() || !energy->is_number() || !std::isfinite(energy->get<double>())) {
    bad_entry(where, "no energy (a number, eV of the whole cell)");
  }
  entry.energy_ev = energy->get<double>();
  for (const char* name : {"entry_id", "name"}) {
    if (entry.id.empty()) entry.id = text_field(json, name);
  }
  if (entry.id.empty()) entry.id = where.substr(where.rfind(' ') + 1);
  ++result.report.read;
  auto run_type = text_field(object_field(json, "parameters"), "run_type");
  if (run_type.empty()) run_type = text_field(object_field(json, "data"), "run_type");
  ++result.report.functionals[run_type.empty() ? "unknown" : run_type];

  double stored = 0;
  bool has_stored = false;
  if (const auto list = json.find("energy_adjustments"); list != json.end() && list->is_array()) {
    for (const auto& adjustment : *list) {
      if (!adjustment.is_object()) continue;
      const auto number = [&](const char* name) -> std::optional<double> {
        const auto found = adjustment.find(name);
        if (found == adjustment.end() || !found->is_number()) return std::nullopt;
        return found->get<double>();
      };
      // a constant, or an amount for each of some atoms (temperature shifts have both forms too)
      if (const auto value = number("value")) {
        stored += *value;
      } else if (const auto per_atom = number("adj_per_atom")) {
        stored += *per_atom * number("n_atoms").value_or(0);
      } else if (const auto per_degree = number("adj_per_deg")) {
        stored += *per_degree * number("temp").value_or(0) * number("n_atoms").value_or(0);
      } else {
        bad_entry(where, fmt::format("an energy adjustment without value: {}", adjustment.dump().substr(0, 200)));
      }
      has_stored = true;
    }
  }
  if (const auto correction = json.find("correction");
      !has_stored && correction != json.end() && correction->is_number() && correction->get<double>() != 0) {
    stored = correction->get<double>();
    has_stored = true;
  }
  if (has_stored) {
    entry.energy_ev += stored;
    ++result.report.stored;
  } else if (const auto facts = facts_of(json); !facts.run_type.empty()) {
    const auto mp2020 = mp2020_correction(entry.amounts, facts);
    if (!mp2020.refusal.empty()) {
      result.report.left_out.push_back(fmt::format("{}: {}", entry.id, mp2020.refusal));
      return;
    }
    entry.energy_ev += mp2020.correction_ev;
    result.report.corrected += mp2020.correction_ev != 0;
  }
  result.entries.push_back(std::move(entry));
}

bool is_entry(const Json& json) { return json.is_object() && json.contains("energy") && json.contains("composition"); }

void add_json(const Json& json, const std::string& where, PhaseEntries& result, int depth = 0) {
  if (depth > 4) bad_entry(where, "entries are nested too deeply");
  if (is_entry(json)) {
    add_entry(json, where, result);
  } else if (json.is_array()) {
    for (std::size_t i = 0; i < json.size(); ++i) {
      add_json(json[i], fmt::format("{} [{}]", where, i), result, depth + 1);
    }
  } else if (json.is_object()) {
    // a phase diagram, an object with a list, or a map of entries
    for (const char* list : {"all_entries", "entries"}) {
      if (const auto found = json.find(list); found != json.end()) {
        return add_json(*found, fmt::format("{} {}", where, list), result, depth + 1);
      }
    }
    for (const auto& [key, value] : json.items()) {
      if (!key.empty() && key[0] == '@') continue;
      if (!value.is_object() && !value.is_array()) bad_entry(where, fmt::format("\"{}\" is no entry: no composition and energy", key));
      add_json(value, fmt::format("{} {}", where, key), result, depth + 1);
    }
  } else {
    bad_entry(where, "neither an entry nor a list of entries");
  }
}

/// Python writes NaN and infinities as they are (an uncertainty that is not known); JSON has no such
/// words, and nothing that is read here may be one: null.
std::string without_nan(std::string text) {
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (in_string) {
      if (text[i] == '\\') ++i;
      else if (text[i] == '"') in_string = false;
      continue;
    }
    if (text[i] == '"') in_string = true;
    for (const std::string_view word : {"-Infinity", "Infinity", "NaN"}) {
      if (text.compare(i, word.size(), word) == 0) text.replace(i, word.size(), "null");
    }
  }
  return text;
}

}  // namespace

PhaseEntries read_entries_json(const fs::path& path) {
  ByteSource source(path);
  std::string text, line;
  std::int64_t line_number = 0;
  PhaseEntries result;
  // A line each, or one document: if the first line is whole JSON with an entry, the rest are lines.
  bool lines = false;
  while (source.read_line(line)) {
    ++line_number;
    if (line_number == 1 || lines) {
      const auto json = Json::parse(without_nan(line), nullptr, /*allow_exceptions=*/false);
      if (line_number == 1) lines = is_entry(json);
      if (lines) {
        if (trim(line).empty()) continue;
        if (json.is_discarded()) bad_entry(fmt::format("{} line {}", path.string(), line_number), "not JSON");
        add_json(json, fmt::format("{} line {}", path.string(), line_number), result);
        continue;
      }
    }
    text += line;
    text += '\n';
  }
  if (lines) return result;
  try {
    add_json(Json::parse(without_nan(std::move(text))), path.string(), result);
  } catch (const Json::exception& error) {  // no JSON, or a number such as 1e999
    bad_entry(path.string(), fmt::format("not JSON: {}", error.what()));
  }
  return result;
}

}  // namespace anneal
