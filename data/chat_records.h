// The shapes of instruction data that are understood, one JSON object a record:
//   {system?, question, answer}                LLaMat
//   {system?, instruction, input?, output}     Alpaca; also {system?, input, output}
//   {instruction, instances: [{input, output}]}  self-instruct seed tasks: a record an instance
//   {system_prompt?, question, response}       OpenOrca; also {prompt, completion}
//   {messages: [{role, content}]}              chat lists; also {conversations: [{from, value}]}
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/chat_format.h"

namespace anneal {

/// The conversations of one JSON object. Messages are trimmed at both ends; answers may be empty.
/// Throws DataError that starts with `origin` ("file:line") on malformed JSON, a missing key (with
/// the nearest key there is) or a value that is no text.
std::vector<Conversation> read_chat_record(std::string_view json, const std::string& origin);

/// The elements of a JSON array, each as JSON text. Throws DataError as above.
std::vector<std::string> split_json_array(std::string_view json, const std::string& origin);

}  // namespace anneal
