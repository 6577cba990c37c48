#include "cif/verdict.h"

#include "base/error.h"
#include "cif/validity.h"

namespace anneal {
namespace {

/// JSON string; bytes that are not UTF-8 (generated garbage) become U+FFFD.
std::string json_string(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

template <class T>
std::string json_number(const std::optional<T>& value) {
  return value ? fmt::format("{}", *value) : "null";
}

template <class T>
std::optional<T> optional_field(const nlohmann::ordered_json& object, const char* name) {
  const auto& value = object.at(name);
  if (value.is_null()) return std::nullopt;
  return value.get<T>();
}

}  // namespace

Verdict judge(const CrystalRecord& record, double cutoff_a) {
  const ParsedCrystal& parsed = record.parsed;
  Verdict verdict;
  verdict.index = record.index;
  verdict.id = record.id;
  verdict.parsed = parsed.crystal.has_value();
  verdict.reason = reject_name(parsed.reason);
  verdict.detail = parsed.detail;
  if (!parsed.composition.empty()) {
    verdict.formula = formula(parsed.composition);
    int atoms = 0;
    for (const auto& [z, count] : parsed.composition) atoms += count;
    verdict.num_atoms = atoms;
    verdict.num_elements = static_cast<int>(parsed.composition.size());
    verdict.comp_valid = composition_valid(parsed.composition);
  }
  if (parsed.crystal) {
    verdict.volume_a3 = parsed.crystal->cell.volume();
    verdict.density_g_cm3 = parsed.crystal->density();
    verdict.min_distance_a = minimum_distance(*parsed.crystal);
    verdict.struct_valid = structure_valid(*parsed.crystal, verdict.min_distance_a, cutoff_a);
  }
  return verdict;
}

std::string json_behind_id(const Verdict& v) {
  std::string line = fmt::format(
      "\"parsed\": {}, \"reason\": {}, \"formula\": {}, \"num_atoms\": {}, \"num_elements\": {}, "
      "\"volume_a3\": {}, \"density_g_cm3\": {}, \"min_distance_a\": {}, \"struct_valid\": {}, "
      "\"comp_valid\": {}, \"detail\": {}}}",
      v.parsed, json_string(v.reason), v.formula ? json_string(*v.formula) : "null",
      json_number(v.num_atoms), json_number(v.num_elements), json_number(v.volume_a3),
      json_number(v.density_g_cm3), json_number(v.min_distance_a), v.struct_valid, v.comp_valid,
      json_string(v.detail));
  if (v.extra.empty()) return line;
  line.back() = ',';
  line += ' ';
  line += v.extra.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).substr(1);
  return line;
}

std::string to_json(std::int64_t index, const std::string& id, const std::string& behind_id) {
  return fmt::format("{{\"index\": {}, \"id\": {}, {}", index, json_string(id), behind_id);
}

std::string to_json(const Verdict& v) { return to_json(v.index, v.id, json_behind_id(v)); }

Verdict verdict_from_json(const std::string& line) {
  try {
    const auto object = nlohmann::ordered_json::parse(line);
    Verdict v;
    v.index = object.at("index").get<std::int64_t>();
    v.id = object.at("id").get<std::string>();
    v.parsed = object.at("parsed").get<bool>();
    v.reason = object.at("reason").get<std::string>();
    v.detail = object.value("detail", "");
    v.formula = optional_field<std::string>(object, "formula");
    v.num_atoms = optional_field<int>(object, "num_atoms");
    v.num_elements = optional_field<int>(object, "num_elements");
    v.volume_a3 = optional_field<double>(object, "volume_a3");
    v.density_g_cm3 = optional_field<double>(object, "density_g_cm3");
    v.min_distance_a = optional_field<double>(object, "min_distance_a");
    v.struct_valid = object.at("struct_valid").get<bool>();
    v.comp_valid = object.at("comp_valid").get<bool>();
    // what follows the last field of its own
    bool own = true;
    for (const auto& [name, value] : object.items()) {
      if (!own) v.extra[name] = value;
      own = own && name != "detail";
    }
    return v;
  } catch (const nlohmann::json::exception& error) {
    throw DataError(fmt::format("not a verdict: {}: {}", line.substr(0, 200), error.what()));
  }
}

}  // namespace anneal
