// Conversations in LLaMat's ChatML-style format (M3RG-IITD/llamat,
// tools/preprocess_instruct_data.py):
//   <|im_start|>{system|question|answer}\n{message}<|im_end|>\n
// Loss falls on the answer and its end marker only. (LLaMat's own code has the loss on the whole
// formatted answer, its prefix "<|im_start|>answer\n" and the last line feed included.)
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/document.h"
#include "data/document_reader.h"
#include "recipes/schema.h"

namespace anneal {

inline constexpr std::string_view kTurnStart = "<|im_start|>";
inline constexpr std::string_view kTurnEnd = "<|im_end|>";

/// One question with its answer; an empty `system` writes no system turn.
struct ChatRecord {
  std::string system, question, answer;
  bool operator==(const ChatRecord&) const = default;
};

/// Several questions under one system message.
struct Conversation {
  struct Turn {
    std::string question, answer;
    bool operator==(const Turn&) const = default;
  };
  std::string system;
  std::vector<Turn> turns;
  bool operator==(const Conversation&) const = default;
};

/// Spans: all up to and including "<|im_start|>answer\n" without loss, the answer and "<|im_end|>"
/// with loss, the line feed after it without. The document ends itself.
Document chat_document(const ChatRecord& record);
/// The same for every turn: each answer carries loss, nothing else does.
Document chat_document(const Conversation& conversation);

/// What the model reads before it answers; ends with "<|im_start|>answer\n".
std::string chat_prompt(const std::string& system, const std::string& question);

/// Documents of the JSONL (or JSON array) files of a source of kind `chat`, in file order; shapes
/// as in chat_records.h. Records with an empty answer or with a marker in their text are left out
/// and counted in note(); DataError for everything else that cannot be read, and if no record
/// remains.
std::unique_ptr<DocumentReader> open_chat_source(const std::string& name,
                                                 const SourceOptions& options, std::uint64_t seed);

}  // namespace anneal
