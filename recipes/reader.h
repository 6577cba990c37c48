// The reading visitor: YAML tree -> structs of the schema, over the one list in fields.h. It never
// throws for what a user wrote; each fault is gathered with its place.
#pragma once

#include <string>
#include <vector>

#include "recipes/fields.h"
#include "recipes/faults.h"
#include "recipes/key_list.h"
#include "recipes/scalars.h"
#include "recipes/yaml_document.h"

namespace anneal {

/// What all readers of one document share.
struct Reading {
  const Origin& origin;
  Faults& faults;
  Places& places;

  void fault(const YAML::Node& node, const std::string& text) {
    faults.add(origin.at(node.Mark().line), text, node.Mark().line);
  }
  void unread(const YAML::Node& node, const std::string& path, const std::string& text) {
    faults.mark_unread(path);
    fault(node, text);
  }
};

template <class T>
void read_section(Reading reading, const YAML::Node& node, const std::string& path, T& target);

/// Reads a scalar, list of text or map of numbers into `member`; false (and a fault) if it cannot.
bool read_value(Reading& reading, const YAML::Node& node, const std::string& path, std::string& member, const Rule& rule);
bool read_value(Reading& reading, const YAML::Node& node, const std::string& path, std::int64_t& member, const Rule& rule);
bool read_value(Reading& reading, const YAML::Node& node, const std::string& path, double& member, const Rule& rule);
bool read_value(Reading& reading, const YAML::Node& node, const std::string& path, bool& member, const Rule& rule);
bool read_value(Reading& reading, const YAML::Node& node, const std::string& path, StageKind& member, const Rule& rule);
bool read_value(Reading& reading, const YAML::Node& node, const std::string& path, std::vector<std::string>& member, const Rule& rule);
bool read_value(Reading& reading, const YAML::Node& node, const std::string& path, std::map<std::string, double>& member, const Rule& rule);

/// Visitor over one level of the tree; `finish` then reports the keys that nobody asked for.
class MapReader {
 public:
  MapReader(Reading reading, const YAML::Node& node, std::string path)
      : reading_(reading), path_(std::move(path)),
        entries_(map_entries(node, reading.origin, path_, reading.faults)) {}

  template <class M>
  void field(const char* key, M& member, const Rule& rule, const char*) {
    if (const MapEntry* entry = take(key)) {
      const std::string path = join_path(path_, key);
      if (read_value(reading_, entry->value, path, member, rule)) {
        reading_.places[path] = reading_.origin.at(entry->line);
      }
    }
  }
  template <class T>
  void section(const char* key, T& member, const char*) {
    if (const MapEntry* entry = take(key)) {
      read_section(reading_, entry->value, join_path(path_, key), member);
    }
  }
  template <class T>
  void named_sections(const char* key, std::map<std::string, T>& member, const char*) {
    const MapEntry* entry = take(key);
    if (!entry) return;
    const std::string path = join_path(path_, key);
    if (!entry->value.IsMap()) {
      reading_.unread(entry->value, path, expected_map(path, entry->value));
      return;
    }
    for (const auto& named : map_entries(entry->value, reading_.origin, path, reading_.faults)) {
      reading_.places[join_path(path, named.key)] = reading_.origin.at(named.line);
      read_section(reading_, named.value, join_path(path, named.key), member[named.key]);
    }
  }
  /// A key that the caller reads by itself; null if absent.
  const MapEntry* take(const std::string& key) {
    known_.push_back(key);
    for (const auto& entry : entries_) {
      if (entry.key == key && !entry.value.IsNull()) return &entry;
    }
    return nullptr;
  }
  void finish();
  static std::string expected_map(const std::string& path, const YAML::Node& got);

 private:
  Reading reading_;
  std::string path_;
  std::vector<MapEntry> entries_;
  std::vector<std::string> known_;
};

template <class T>
void read_section(Reading reading, const YAML::Node& node, const std::string& path, T& target) {
  if (node.IsNull()) return;  // "section:" with nothing below keeps the defaults
  if (!node.IsMap()) {
    reading.unread(node, path, MapReader::expected_map(path, node));
    return;
  }
  MapReader reader(reading, node, path);
  visit_fields(reader, target);
  reader.finish();
}

}  // namespace anneal
