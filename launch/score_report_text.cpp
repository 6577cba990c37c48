#include "launch/score_report_text.h"

#include <fmt/core.h>

#include <algorithm>

namespace anneal {

using Json = nlohmann::ordered_json;

std::optional<double> number(const Json& object, const std::string& key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

std::string words(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

std::string denominator_of(const ScoreFacts& facts, const std::string& key) {
  const auto found = facts.summary.find("denominators");
  if (found == facts.summary.end() || !found->is_object()) return "";
  const auto entry = found->find(key);
  return entry == found->end() || !entry->is_string() ? "" : entry->get<std::string>();
}

std::string section(const char* id, const char* title, const std::string& lead,
                    const std::string& body) {
  if (body.empty()) return "";
  return fmt::format("<section id='{}'><h2>{}</h2><p class='lead'>{}</p>{}</section>\n", id, title,
                     lead, body);
}

}  // namespace anneal
