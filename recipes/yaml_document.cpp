#include "recipes/yaml_document.h"

#include <algorithm>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace anneal {
namespace {

/// yaml-cpp's wording, without its own "yaml-cpp: error at line" prefix.
[[noreturn]] void throw_syntax(const YAML::Exception& error, const Origin& origin) {
  throw UsageError(fmt::format("{}: not valid YAML: {} (column {})", origin.at(error.mark.line),
                               error.msg, error.mark.column + 1),
                   "check quotes, brackets, colons and indentation (spaces only) there");
}

}  // namespace

YAML::Node read_yaml_map(const std::filesystem::path& file) {
  const Origin origin{file.string()};
  if (!std::filesystem::exists(file)) {
    throw UsageError(fmt::format("there is no recipe file '{}'", file.string()),
                     "recipes/ holds one folder of recipes for each model");
  }
  if (std::filesystem::is_directory(file)) {
    throw UsageError(fmt::format("'{}' is a folder; a recipe file (.yaml) was expected", file.string()));
  }
  const std::string text = read_file(file);
  if (const auto offset = first_invalid_utf8(text)) {
    const auto line = std::count(text.begin(), text.begin() + static_cast<long>(*offset), '\n');
    throw UsageError(fmt::format("{}: invalid UTF-8 at byte {}", origin.at(static_cast<int>(line)), *offset),
                     "save the file as UTF-8");
  }
  try {
    const auto documents = YAML::LoadAll(text);
    if (documents.size() > 1) {
      throw UsageError(fmt::format("{}: {} YAML documents in one file; one was expected",
                                   origin.at(documents[1].Mark().line), documents.size()),
                       "remove the line '---'");
    }
    if (documents.empty() || documents[0].IsNull()) {
      throw UsageError(fmt::format("{}: the recipe is empty", file.string()));
    }
    if (!documents[0].IsMap()) {
      throw UsageError(fmt::format("{}: a recipe is a map of 'key: value' lines, got {}",
                                   origin.at(documents[0].Mark().line), describe_value(documents[0])));
    }
    return documents[0];
  } catch (const YAML::Exception& error) {
    throw_syntax(error, origin);
  }
}

YAML::Node parse_yaml_value(const std::string& text, const Origin& origin) {
  if (first_invalid_utf8(text)) throw UsageError(origin.name + ": invalid UTF-8");
  try {
    return YAML::Load(text);
  } catch (const YAML::Exception& error) {
    throw_syntax(error, origin);
  }
}

std::vector<MapEntry> map_entries(const YAML::Node& node, const Origin& origin,
                                  const std::string& path, Faults& faults) {
  std::vector<MapEntry> entries;
  for (const auto& pair : node) {
    const int line = pair.first.Mark().line;
    if (!pair.first.IsScalar()) {
      faults.add(origin.at(line), fmt::format("a key must be text, got {}", describe_value(pair.first)), line);
      continue;
    }
    const std::string key = pair.first.Scalar();
    bool twice = false;
    for (const auto& entry : entries) {
      if (entry.key != key) continue;
      twice = true;
      faults.add(origin.at(line),
                 fmt::format("key '{}' comes twice{}", join_path(path, key),
                             origin.is_file ? fmt::format(", first on line {}", entry.line + 1) : ""),
                 line);
    }
    if (!twice) entries.push_back({key, pair.second, line});
  }
  return entries;
}

std::string describe_value(const YAML::Node& node) {
  if (!node.IsDefined() || node.IsNull()) return "nothing";
  if (node.IsSequence()) return "a list";
  if (node.IsMap()) return "a map";
  return fmt::format("'{}'", node.Scalar());
}

std::string join_path(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

}  // namespace anneal
