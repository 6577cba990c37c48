#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <map>

#include "recipes/recipe.h"

namespace anneal {

namespace {

void flatten(const YAML::Node& node, const std::string& path, std::map<std::string, std::string>& leaves) {
  if (!node.IsMap()) {
    YAML::Emitter text;
    text << YAML::Flow << node;
    leaves[path] = text.c_str();
    return;
  }
  for (const auto& item : node) {
    flatten(item.second, path + (path.empty() ? "" : ".") + item.first.as<std::string>(), leaves);
  }
}

std::map<std::string, std::string> leaves_of(const Recipe& recipe) {
  std::map<std::string, std::string> leaves;
  flatten(YAML::Load(to_yaml(recipe)), "", leaves);
  return leaves;
}

}  // namespace

std::string difference(const Recipe& before, const Recipe& after) {
  const auto old_leaves = leaves_of(before);
  auto new_leaves = leaves_of(after);
  std::string text;
  const auto add = [&](const std::string& path, const std::string& from, const std::string& to) {
    text += fmt::format("{}{} {} -> {}", text.empty() ? "" : ", ", path, from, to);
  };
  for (const auto& [path, value] : old_leaves) {
    const auto found = new_leaves.find(path);
    if (found == new_leaves.end()) {
      add(path, value, "nothing");
    } else {
      if (found->second != value) add(path, value, found->second);
      new_leaves.erase(found);
    }
  }
  for (const auto& [path, value] : new_leaves) add(path, "nothing", value);
  return text;
}

}  // namespace anneal
