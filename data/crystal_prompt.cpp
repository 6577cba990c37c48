#include "data/crystal_prompt.h"

#include <fmt/ranges.h>

#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/text.h"

namespace anneal {
namespace {

struct ConditionKind {
  std::string key;
  const char* sentence;  ///< what stands before the value
  bool is_number;        ///< rounded to four decimals
};

const std::vector<ConditionKind>& kinds() {
  static const std::vector<ConditionKind> list = {
      {"pretty_formula", "The chemical formula is", false},
      {"elements", "The elements are", false},
      {"formation_energy_per_atom", "The formation energy per atom is", true},
      {"band_gap", "The band gap is", true},
      {"e_above_hull", "The energy above the convex hull is", true},
      {"spacegroup.number", "The spacegroup number is", false}};
  return list;
}

const ConditionKind& kind(const std::string& key) {
  for (const auto& candidate : kinds()) {
    if (candidate.key == key) return candidate;
  }
  throw UsageError(fmt::format("'{}' is no condition on a crystal", key),
                   fmt::format("nearest: {}; all: {}", nearest_name(key, condition_keys()),
                               fmt::join(condition_keys(), ", ")));
}

constexpr const char* kOpening = "Below is a description of a bulk material. ";
constexpr const char* kRequest =
    "Generate a description of the lengths and angles of the lattice vectors and then the element "
    "type and coordinates for each atom within the lattice:\n";

}  // namespace

const std::vector<std::string>& condition_keys() {
  static const auto keys = [] {
    std::vector<std::string> names;
    for (const auto& kind : kinds()) names.push_back(kind.key);
    return names;
  }();
  return keys;
}

std::string condition_number(double value) {
  std::string text = fmt::format("{:.4f}", value);
  while (text.ends_with('0') && !text.ends_with(".0")) text.pop_back();
  return text == "-0.0" ? "0.0" : text;
}

Condition parse_condition(const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos) {
    throw UsageError(fmt::format("condition '{}': 'key: value' is expected", text),
                     "for example: pretty_formula: LiFeO2");
  }
  Condition condition{std::string(trim(text.substr(0, colon))),
                      std::string(trim(text.substr(colon + 1)))};
  const auto& wanted = kind(condition.key);
  if (condition.value.empty()) throw UsageError(fmt::format("condition '{}' has no value", text));
  if (wanted.is_number || condition.key == "spacegroup.number") {
    const std::string& v = condition.value;
    double number = 0;
    const auto [end, error] = std::from_chars(v.data(), v.data() + v.size(), number);
    if (error != std::errc() || end != v.data() + v.size() || !std::isfinite(number)) {
      throw UsageError(fmt::format("condition '{}': '{}' is not a number", text, v));
    }
    if (wanted.is_number) {
      condition.value = condition_number(number);
    } else if (number < 1 || number > 230 || number != std::floor(number)) {
      throw UsageError(fmt::format("condition '{}': space groups are 1 to 230", text));
    }
  }
  return condition;
}

std::string unconditional_prompt() { return std::string(kOpening) + kRequest; }

std::string conditional_prompt(const std::vector<Condition>& conditions) {
  std::string prompt = kOpening;
  for (const auto& [key, value] : conditions) {
    prompt += fmt::format("{} {}. ", kind(key).sentence, value);
  }
  return prompt + kRequest;
}

std::string masked(std::string_view crystal_text, std::string_view element) {
  std::string result;
  for (const auto line : split(crystal_text, '\n')) {
    if (!result.empty()) result += '\n';
    result += line == element ? std::string_view("[MASK]") : line;
  }
  return result;
}

std::string infill_prompt(std::string_view crystal_text, std::string_view element) {
  return fmt::format(
      "Below is a partial description of a bulk material where one element has been replaced with "
      "the string \"[MASK]\":\n{}\n"
      "Generate an element that could replace [MASK] in the bulk material:\n",
      masked(crystal_text, element));
}

Crystal translated(const Crystal& crystal, const Fractional& shift) {
  Crystal copy = crystal;
  for (auto& [z, p] : copy.sites) {
    p = {wrap_fraction(p.x + shift.x), wrap_fraction(p.y + shift.y), wrap_fraction(p.z + shift.z)};
  }
  return copy;
}

}  // namespace anneal
