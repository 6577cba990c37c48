#include "data/chat_records.h"

#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/text.h"

namespace anneal {
namespace {

using nlohmann::json;

// The first name of each list is the one that messages name.
const std::vector<std::string> kSystemKeys = {"system", "system_prompt"};
const std::vector<std::string> kQuestionKeys = {"question", "instruction", "prompt", "input"};
const std::vector<std::string> kAnswerKeys = {"answer", "output", "response", "completion"};

json parse(std::string_view text, const std::string& origin) {
  try {
    return json::parse(text);
  } catch (const json::exception& e) {
    const std::string reason = e.what();  // "[json.exception.parse_error.101] parse error at ..."
    const auto bracket = reason.find("] ");
    throw DataError(fmt::format("{}: not valid JSON: {}", origin,
                                bracket == std::string::npos ? reason : reason.substr(bracket + 2)),
                    "one JSON object a line is expected");
  }
}

std::string text_of(const json& value, const std::string& key, const std::string& origin) {
  if (value.is_string()) return std::string(trim(value.get_ref<const std::string&>()));
  if (value.is_null()) return {};
  if (value.is_number() || value.is_boolean()) return value.dump();
  throw DataError(fmt::format("{}: '{}' is {}, text is expected", origin, key, value.type_name()));
}

std::optional<std::string> find(const json& record, const std::vector<std::string>& keys,
                                const std::string& origin) {
  for (const auto& key : keys) {
    if (const auto at = record.find(key); at != record.end()) return text_of(*at, key, origin);
  }
  return std::nullopt;
}

std::string require(const json& record, const std::vector<std::string>& keys,
                    const std::string& origin) {
  if (auto text = find(record, keys, origin)) return *std::move(text);
  std::vector<std::string> present;
  for (const auto& [key, value] : record.items()) present.push_back(key);
  const std::string nearest = nearest_name(keys[0], present);
  std::string hint = fmt::format("any of these names will do: {}", fmt::join(keys, ", "));
  if (!nearest.empty() && edit_distance(nearest, keys[0]) <= 3) {
    hint = fmt::format("is '{}' meant to be '{}'?", nearest, keys[0]);
  }
  throw DataError(
      fmt::format("{}: the record has no '{}'; its keys: {}", origin, keys[0],
                  present.empty() ? "none" : fmt::format("{}", fmt::join(present, ", "))),
      hint);
}

std::string joined(const std::string& instruction, const std::string& input) {
  return input.empty() ? instruction : instruction + "\n\n" + input;
}

Conversation from_messages(const json& messages, const std::string& origin) {
  if (!messages.is_array()) {
    throw DataError(
        fmt::format("{}: the messages are {}, a list is expected", origin, messages.type_name()));
  }
  Conversation conversation;
  bool asked = false;
  for (const auto& message : messages) {
    if (!message.is_object()) throw DataError(fmt::format("{}: a message is no object", origin));
    const std::string role = require(message, {"role", "from"}, origin);
    const std::string text = require(message, {"content", "value"}, origin);
    if (role == "system") {
      if (asked || !conversation.turns.empty()) {
        throw DataError(fmt::format("{}: the system message is not the first", origin));
      }
      conversation.system = text;
    } else if (role == "user" || role == "human" || role == "question") {
      if (asked) throw DataError(fmt::format("{}: two user messages in a row", origin));
      conversation.turns.push_back({text, ""});
      asked = true;
    } else if (role == "assistant" || role == "gpt" || role == "answer") {
      if (!asked) throw DataError(fmt::format("{}: an answer without a question", origin));
      conversation.turns.back().answer = text;
      asked = false;
    } else {
      throw DataError(fmt::format("{}: unknown role '{}'", origin, role),
                      "roles are system, user and assistant");
    }
  }
  if (asked) conversation.turns.pop_back();  // an unanswered question at the end teaches nothing
  if (conversation.turns.empty()) throw DataError(fmt::format("{}: no answered message", origin));
  return conversation;
}

std::vector<Conversation> from_instances(const json& record, const std::string& origin) {
  const json& instances = record.at("instances");
  if (!instances.is_array()) {
    throw DataError(
        fmt::format("{}: 'instances' is {}, a list is expected", origin, instances.type_name()));
  }
  const std::string instruction = require(record, kQuestionKeys, origin);
  std::vector<Conversation> conversations;
  for (const auto& instance : instances) {
    if (!instance.is_object()) throw DataError(fmt::format("{}: an instance is no object", origin));
    const std::string input = find(instance, {"input"}, origin).value_or("");
    conversations.push_back(
        {"", {{joined(instruction, input), require(instance, kAnswerKeys, origin)}}});
  }
  return conversations;
}

}  // namespace

std::vector<Conversation> read_chat_record(std::string_view text, const std::string& origin) {
  const json record = parse(text, origin);
  if (!record.is_object()) {
    throw DataError(
        fmt::format("{}: {} found, a JSON object is expected", origin, record.type_name()));
  }
  for (const char* key : {"messages", "conversations"}) {
    if (const auto at = record.find(key); at != record.end()) return {from_messages(*at, origin)};
  }
  if (record.contains("instances")) return from_instances(record, origin);

  std::string question = require(record, kQuestionKeys, origin);
  if (record.contains("instruction") && record.contains("input") && !record.contains("question")) {
    question = joined(question, text_of(record["input"], "input", origin));
  }
  return {{find(record, kSystemKeys, origin).value_or(""),
           {{std::move(question), require(record, kAnswerKeys, origin)}}}};
}

std::vector<std::string> split_json_array(std::string_view text, const std::string& origin) {
  const json array = parse(text, origin);
  if (!array.is_array()) {
    throw DataError(
        fmt::format("{}: {} found, a JSON array is expected", origin, array.type_name()));
  }
  std::vector<std::string> elements;
  for (const auto& element : array) elements.push_back(element.dump());
  return elements;
}

}  // namespace anneal
