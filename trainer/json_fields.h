// Reading JSON files with errors that name the file, the field, and what was got and expected.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"

namespace anneal {

/// JSON whose objects keep the order of their keys, so that a file written back looks the same.
using OrderedJson = nlohmann::ordered_json;

/// Parses `text`, which came from `file`, into an object. Throws DataError.
inline OrderedJson parse_json_object(const std::string& text, const std::filesystem::path& file) {
  OrderedJson value;
  try {
    value = OrderedJson::parse(text);
  } catch (const nlohmann::json::exception& error) {
    throw DataError(fmt::format("{} is not valid JSON: {}", file.string(), error.what()),
                    "the file is damaged or was cut off; copy it again");
  }
  if (!value.is_object()) {
    throw DataError(
        fmt::format("{}: expected a JSON object, got {}", file.string(), value.type_name()));
  }
  return value;
}

/// `value` shortened for a message.
template <class Json>
std::string json_excerpt(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 80) text = text.substr(0, 77) + "...";
  return text;
}

/// The fields of one JSON object of one file; a field that is null counts as absent.
class JsonFields {
 public:
  JsonFields(const OrderedJson& object, std::filesystem::path file)
      : object_(object), file_(std::move(file)) {}

  bool has(const std::string& key) const {
    const auto found = object_.find(key);
    return found != object_.end() && !found->is_null();
  }
  const OrderedJson& at(const std::string& key) const {
    if (!has(key)) {
      throw DataError(fmt::format("{}: the field \"{}\" is missing", file_.string(), key),
                      "the file may come from another kind of model, or is damaged");
    }
    return object_.at(key);
  }
  std::int64_t integer(const std::string& key) const {
    const auto& value = at(key);
    if (!value.is_number_integer()) refuse(key, "an integer", value);
    return value.get<std::int64_t>();
  }
  std::int64_t integer(const std::string& key, std::int64_t otherwise) const {
    return has(key) ? integer(key) : otherwise;
  }
  double number(const std::string& key) const {
    const auto& value = at(key);
    if (!value.is_number()) refuse(key, "a number", value);
    return value.get<double>();
  }
  double number(const std::string& key, double otherwise) const {
    return has(key) ? number(key) : otherwise;
  }
  bool boolean(const std::string& key, bool otherwise) const {
    if (!has(key)) return otherwise;
    if (!at(key).is_boolean()) refuse(key, "true or false", at(key));
    return at(key).get<bool>();
  }
  std::string text(const std::string& key) const {
    if (!at(key).is_string()) refuse(key, "a string", at(key));
    return at(key).get<std::string>();
  }
  std::string text(const std::string& key, const std::string& otherwise) const {
    return has(key) ? text(key) : otherwise;
  }
  /// The fields of the object under `key`.
  JsonFields object(const std::string& key) const {
    if (!at(key).is_object()) refuse(key, "an object", at(key));
    return JsonFields(at(key), file_);
  }
  [[noreturn]] void refuse(const std::string& key, const std::string& expected,
                           const OrderedJson& got) const {
    throw DataError(fmt::format("{}: the field \"{}\" is {}, expected {}", file_.string(), key,
                                json_excerpt(got), expected));
  }
  const std::filesystem::path& file() const { return file_; }
  const OrderedJson& json() const { return object_; }

 private:
  const OrderedJson& object_;
  std::filesystem::path file_;
};

}  // namespace anneal
