#include "recipes/reader.h"

#include <algorithm>

#include <fmt/ranges.h>  // for fmt::join

#include "base/text.h"

namespace anneal {
namespace {

template <class M>
bool wrong_type(Reading& reading, const YAML::Node& node, const std::string& path, const M& member) {
  reading.unread(node, path, fmt::format("'{}' must be {}, got {}", path, type_name(member), describe_value(node)));
  return false;
}

bool in_choices(Reading& reading, const YAML::Node& node, const std::string& path,
                const std::string& value, const Rule& rule) {
  const auto& choices = rule.choices;
  if (choices.empty() || std::find(choices.begin(), choices.end(), value) != choices.end()) return true;
  const std::string nearest = nearest_name(value, choices);
  const bool near = edit_distance(value, nearest) <= std::max<int>(2, static_cast<int>(value.size()) / 2);
  reading.unread(node, path, fmt::format("'{}' is '{}'; it must be one of {}{}", path, value, fmt::join(choices, ", "),
                                  near ? fmt::format("; did you mean '{}'?", nearest) : ""));
  return false;
}

bool in_range(Reading& reading, const YAML::Node& node, const std::string& path, double value, const Rule& rule) {
  if (value >= rule.low && value <= rule.high) return true;
  reading.unread(node, path, fmt::format("'{}' is {}; it must be {}", path, node.Scalar(), describe_rule(rule)));
  return false;
}

template <class M>
bool read_numeric(Reading& reading, const YAML::Node& node, const std::string& path, M& member,
                  const Rule& rule, std::optional<M> (*parse)(const std::string&)) {
  const auto value = node.IsScalar() ? parse(node.Scalar()) : std::nullopt;
  if (!value) return wrong_type(reading, node, path, member);
  if (!in_range(reading, node, path, static_cast<double>(*value), rule)) return false;
  member = *value;
  return true;
}

}  // namespace

bool read_value(Reading& reading, const YAML::Node& node, const std::string& path, std::string& member, const Rule& rule) {
  if (!node.IsScalar()) return wrong_type(reading, node, path, member);
  if (!in_choices(reading, node, path, node.Scalar(), rule)) return false;
  member = node.Scalar();
  return true;
}

bool read_value(Reading& reading, const YAML::Node& node, const std::string& path, std::int64_t& member, const Rule& rule) {
  return read_numeric(reading, node, path, member, rule, &parse_whole_number);
}

bool read_value(Reading& reading, const YAML::Node& node, const std::string& path, double& member, const Rule& rule) {
  return read_numeric(reading, node, path, member, rule, &parse_number);
}

bool read_value(Reading& reading, const YAML::Node& node, const std::string& path, bool& member, const Rule&) {
  const auto value = node.IsScalar() ? parse_truth(node.Scalar()) : std::nullopt;
  if (!value) return wrong_type(reading, node, path, member);
  member = *value;
  return true;
}

bool read_value(Reading& reading, const YAML::Node& node, const std::string& path, StageKind& member, const Rule& rule) {
  std::string name;
  if (!read_value(reading, node, path, name, rule)) return false;
  member = *parse_stage_kind(name);
  return true;
}

bool read_value(Reading& reading, const YAML::Node& node, const std::string& path, std::vector<std::string>& member, const Rule& rule) {
  if (!node.IsSequence()) return wrong_type(reading, node, path, member);
  std::vector<std::string> values;
  for (const auto& element : node) {
    std::string value;
    if (!read_value(reading, element, path, value, rule)) return false;
    values.push_back(value);
  }
  member = values;
  return true;
}

bool read_value(Reading& reading, const YAML::Node& node, const std::string& path, std::map<std::string, double>& member, const Rule& rule) {
  if (!node.IsMap()) return wrong_type(reading, node, path, member);
  bool good = true;
  for (const auto& entry : map_entries(node, reading.origin, path, reading.faults)) {
    double value = 0;
    if (read_value(reading, entry.value, join_path(path, entry.key), value, rule)) {
      member[entry.key] = value;
      reading.places[join_path(path, entry.key)] = reading.origin.at(entry.line);
    } else {
      good = false;
    }
  }
  return good;
}

void MapReader::finish() {
  for (const auto& entry : entries_) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    reading_.faults.add(reading_.origin.at(entry.line),
                        fmt::format("unknown key '{}'; {}", join_path(path_, entry.key),
                                    suggest_key(path_, entry.key, known_)),
                        entry.line);
  }
}

std::string MapReader::expected_map(const std::string& path, const YAML::Node& got) {
  return fmt::format("'{}' is a section: it must hold 'key: value' lines, got {}", path, describe_value(got));
}

}  // namespace anneal
