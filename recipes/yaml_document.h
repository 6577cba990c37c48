// YAML text -> tree, with our own messages for what cannot be read. Only recipes/*.cpp include this.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "recipes/faults.h"

namespace anneal {

/// One `key: value` of a map, with the key's line (from 0).
struct MapEntry {
  std::string key;
  YAML::Node value;
  int line;
};

/// The one document of a YAML file. A file that is missing, not UTF-8, not YAML, empty or not a map
/// throws UsageError with the line.
YAML::Node read_yaml_map(const std::filesystem::path& file);

/// The value of a `--set`. Throws UsageError naming `origin`.
YAML::Node parse_yaml_value(const std::string& text, const Origin& origin);

/// Entries of a map in the order written; keys that are not text, or come twice, become faults.
std::vector<MapEntry> map_entries(const YAML::Node& node, const Origin& origin,
                                  const std::string& path, Faults& faults);

/// "text 'abc'", "a list", "a map", "nothing": how a message names a value.
std::string describe_value(const YAML::Node& node);

/// "a.b", or "b" at the top.
std::string join_path(const std::string& path, const std::string& key);

}  // namespace anneal
