#include "recipes/key_list.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>
#include <fmt/ranges.h>  // for fmt::join

#include "base/text.h"
#include "recipes/recipe.h"
#include "recipes/scalars.h"

namespace anneal {
namespace {

/// Visitor that writes down what it sees.
struct Describer {
  std::vector<KeyInfo>& keys;
  std::string prefix;

  template <class M>
  void field(const char* key, M& member, const Rule& rule, const char* help) {
    std::string accepts = describe_rule(rule);
    if (rule.required) accepts += accepts.empty() ? "required" : ", required";
    std::string type = type_name(member);
    type = type.substr(0, type.find(','));
    keys.push_back({prefix + key, type, yaml_scalar(member), accepts, help});
  }
  template <class T>
  void section(const char* key, T& member, const char* help) {
    keys.push_back({prefix + key, "section", "", "", help});
    Describer inner{keys, prefix + key + "."};
    visit_fields(inner, member);
  }
  template <class T>
  void named_sections(const char* key, std::map<std::string, T>&, const char* help) {
    keys.push_back({prefix + key, "section", "", "", help});
    T entry;
    Describer inner{keys, prefix + key + ".<name>."};
    visit_fields(inner, entry);
  }
};

std::string leaf(const std::string& path) { return path.substr(path.rfind('.') + 1); }

}  // namespace

const std::vector<KeyInfo>& recipe_keys() {
  static const std::vector<KeyInfo> keys = [] {
    std::vector<KeyInfo> list;
    Recipe recipe;
    Describer describer{list, ""};
    visit_fields(describer, recipe);
    return list;
  }();
  return keys;
}

std::string suggest_key(const std::string& path, const std::string& key,
                        const std::vector<std::string>& known) {
  // A key of the right name in the wrong section is a commoner slip than a wild misspelling.
  for (const auto& info : recipe_keys()) {
    const bool here = info.path == (path.empty() ? key : path + "." + key);
    if (leaf(info.path) == key && !here) return fmt::format("did you mean '{}'?", info.path);
  }
  const std::string nearest = nearest_name(key, known);
  const auto tolerance = std::max<std::size_t>(2, key.size() / 2);
  if (!nearest.empty() && static_cast<std::size_t>(edit_distance(key, nearest)) <= tolerance) {
    return fmt::format("did you mean '{}'?", nearest);
  }
  return fmt::format("{} has: {}", path.empty() ? "the top level" : "'" + path + "'", fmt::join(known, ", "));
}

std::string describe_rule(const Rule& rule) {
  if (!rule.choices.empty()) return fmt::format("one of {}", fmt::join(rule.choices, ", "));
  const bool low = std::isfinite(rule.low), high = std::isfinite(rule.high);
  const auto number = [](double x) {
    return std::abs(x) < 1e15 && x == std::floor(x) ? fmt::format("{:.0f}", x) : fmt::format("{}", x);
  };
  if (low && high) return fmt::format("{} to {}", number(rule.low), number(rule.high));
  if (low) return "at least " + number(rule.low);
  if (high) return "at most " + number(rule.high);
  return "";
}

std::string describe_recipe_keys() {
  std::size_t path_width = 0, value_width = 0, accepts_width = 0;
  const std::size_t kWidestAccepts = 34;
  const auto shown = [](const KeyInfo& info) { return info.accepts.empty() ? info.type : info.accepts; };
  for (const auto& info : recipe_keys()) {
    path_width = std::max(path_width, info.path.size());
    value_width = std::max(value_width, info.value.size());
    if (shown(info).size() <= kWidestAccepts) accepts_width = std::max(accepts_width, shown(info).size());
  }
  std::string table = fmt::format("{:<{}}  {:<{}}  {:<{}}  {}\n", "key", path_width, "default",
                                  value_width, "accepts", accepts_width, "what it is");
  for (const auto& info : recipe_keys()) {
    if (info.type == "section") {
      table += fmt::format("{:<{}}  {:<{}}  {:<{}}  {}\n", info.path, path_width, "", value_width, "",
                           accepts_width, info.help);
      continue;
    }
    // long lists of choices get a line of their own
    const bool fits = shown(info).size() <= accepts_width;
    table += fmt::format("{:<{}}  {:<{}}  {:<{}}  {}\n", info.path, path_width, info.value, value_width,
                         fits ? shown(info) : "choices below", accepts_width, info.help);
    if (!fits) table += fmt::format("{:<{}}    {}\n", "", path_width, shown(info));
  }
  return table;
}

}  // namespace anneal
