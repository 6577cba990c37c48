#include "recipes/scalars.h"

#include <charconv>
#include <cmath>

#include <fmt/core.h>

#include "base/text.h"
#include "recipes/recipe.h"  // for to_string(StageKind)

namespace anneal {

std::optional<double> parse_number(const std::string& text) {
  double value = 0;
  const char* begin = text.data();
  const char* end = begin + text.size();
  if (begin != end && *begin == '+') ++begin;
  const auto [stop, error] = std::from_chars(begin, end, value);
  if (error != std::errc{} || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_whole_number(const std::string& text) {
  std::int64_t value = 0;
  const char* begin = text.data() + (!text.empty() && text[0] == '+' ? 1 : 0);
  const auto [stop, error] = std::from_chars(begin, text.data() + text.size(), value);
  if (error == std::errc{} && stop == text.data() + text.size()) return value;
  // 3e4 and 1e9 are whole numbers too; beyond 2^53 a double would round
  const auto number = parse_number(text);
  if (!number || std::abs(*number) > 0x1p53 || std::floor(*number) != *number) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

std::optional<bool> parse_truth(const std::string& text) {
  for (const char* yes : {"true", "True", "TRUE", "yes", "Yes", "on", "On"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"false", "False", "FALSE", "no", "No", "off", "Off"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

std::optional<StageKind> parse_stage_kind(const std::string& text) {
  for (const auto kind : {StageKind::kCorpus, StageKind::kTokenizer, StageKind::kTrain,
                          StageKind::kGenerate, StageKind::kScore, StageKind::kEval}) {
    if (to_string(kind) == text) return kind;
  }
  return std::nullopt;
}

std::string yaml_scalar(const std::string& value) {
  // Plain where nothing can be misread; otherwise double quotes, the only style with escapes.
  bool plain = !value.empty() && !parse_number(value) && !parse_truth(value) && value != "null" &&
               value != "Null" && value != "NULL" && value != "~" && value[0] != '-' && value[0] != '.';
  for (const char c : value) {
    plain = plain && (std::isalnum(static_cast<unsigned char>(c)) || std::string_view("_-./+").find(c) != std::string_view::npos);
  }
  if (plain) return value;
  std::string quoted = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\t') {
      quoted += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\x{:02X}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string yaml_scalar(std::int64_t value) { return fmt::format("{}", value); }

std::string yaml_scalar(double value) { return fmt::format("{}", value); }  // shortest exact form

std::string yaml_scalar(bool value) { return value ? "true" : "false"; }

std::string yaml_scalar(StageKind value) { return to_string(value); }

std::string yaml_scalar(const std::vector<std::string>& value) {
  std::string text = "[";
  for (std::size_t i = 0; i < value.size(); ++i) text += (i ? ", " : "") + yaml_scalar(value[i]);
  return text + "]";
}

std::string yaml_scalar(const std::map<std::string, double>& value) {
  std::string text = "{";
  for (const auto& [key, number] : value) {
    text += (text.size() > 1 ? ", " : "") + yaml_scalar(key) + ": " + yaml_scalar(number);
  }
  return text + "}";
}

std::string type_name(const std::string&) { return "text"; }
std::string type_name(std::int64_t) { return "a whole number"; }
std::string type_name(double) { return "a number"; }
std::string type_name(bool) { return "true or false"; }
std::string type_name(StageKind) { return "text"; }
std::string type_name(const std::vector<std::string>&) { return "a list of text, such as [a, b]"; }
std::string type_name(const std::map<std::string, double>&) { return "a map of numbers, such as {a: 0.97, b: 0.03}"; }

}  // namespace anneal
