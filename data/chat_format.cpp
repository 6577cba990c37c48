#include "data/chat_format.h"

#include <deque>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "data/chat_records.h"
#include "data/compression.h"  // for LineReader
#include "data/source.h"       // for source_files

namespace anneal {
namespace {

std::string turn(std::string_view role, std::string_view message) {
  return fmt::format("{}{}\n{}{}\n", kTurnStart, role, message, kTurnEnd);
}

std::string answer_start() { return fmt::format("{}answer\n", kTurnStart); }

bool has_marker(const std::string& text) {
  return text.find(kTurnStart) != std::string::npos || text.find(kTurnEnd) != std::string::npos;
}

class ChatReader : public DocumentReader {
 public:
  ChatReader(const std::string& name, const SourceOptions& options)
      : name_(name), files_(source_files(name, options)), max_documents_(options.max_documents) {}

  std::optional<Document> next() override {
    if (max_documents_ > 0 && taken_ >= max_documents_) return std::nullopt;
    while (ready_.empty()) {
      if (!read_more()) {
        if (taken_ == 0) {
          throw DataError(fmt::format("source '{}': no record with an answer in {} file{}{}", name_,
                                      files_.size(), files_.size() == 1 ? "" : "s",
                                      note().empty() ? "" : ": " + note()));
        }
        return std::nullopt;
      }
    }
    Document document = std::move(ready_.front());
    ready_.pop_front();
    ++taken_;
    return document;
  }

  std::string note() const override {
    std::string text;
    if (empty_ > 0) text = fmt::format("{} records with an empty question or answer", empty_);
    if (marked_ > 0) {
      text += fmt::format("{}{} records with a chat marker in their text", text.empty() ? "" : ", ",
                          marked_);
    }
    return text.empty() ? text : text + " left out";
  }

 private:
  /// Takes one line (or one array element); false when all files are at their end.
  bool read_more() {
    if (element_ < elements_.size()) {
      const std::string origin = fmt::format("{}#{}", files_[file_ - 1].string(), element_ + 1);
      for (const auto& c : read_chat_record(elements_[element_++], origin)) take(c, origin);
      return true;
    }
    if (!lines_) {
      if (file_ >= files_.size()) return false;
      lines_ = std::make_unique<LineReader>(files_[file_++]);
      first_ = true;
    }
    const auto line = lines_->next();
    if (!line) {
      lines_.reset();
    } else if (!trim(*line).empty()) {
      if (first_ && trim(*line).front() == '[') {
        const auto& path = files_[file_ - 1];
        elements_ = split_json_array(read_unpacked(path), path.string());
        element_ = 0;
        lines_.reset();
        return true;
      }
      first_ = false;
      for (const auto& c : read_chat_record(*line, lines_->where())) take(c, lines_->where());
    }
    return true;
  }

  void take(const Conversation& conversation, const std::string& origin) {
    bool marked = has_marker(conversation.system);
    for (const auto& [question, answer] : conversation.turns) {
      if (question.empty() || answer.empty()) {
        ++empty_;
        return;
      }
      marked = marked || has_marker(question) || has_marker(answer);
    }
    if (marked) {
      ++marked_;
      return;
    }
    Document document = chat_document(conversation);
    document.origin = origin;
    ready_.push_back(std::move(document));
  }

  std::string name_;
  std::vector<std::filesystem::path> files_;
  std::int64_t max_documents_, taken_ = 0, empty_ = 0, marked_ = 0;
  std::size_t file_ = 0;               ///< next file
  std::unique_ptr<LineReader> lines_;  ///< of the present file, if it is JSONL
  bool first_ = true;                  ///< no record of it was read yet
  std::vector<std::string> elements_;  ///< of the present file, if it is a JSON array
  std::size_t element_ = 0;
  std::deque<Document> ready_;
};

}  // namespace

Document chat_document(const Conversation& conversation) {
  Document document;
  document.ends_itself = true;
  std::string before =
      conversation.system.empty() ? std::string() : turn("system", conversation.system);
  for (const auto& [question, answer] : conversation.turns) {
    document.spans.push_back({before + turn("question", question) + answer_start(), false});
    document.spans.push_back({answer + std::string(kTurnEnd), true});
    before = "\n";
  }
  document.spans.push_back({before, false});
  return document;
}

Document chat_document(const ChatRecord& record) {
  return chat_document(Conversation{record.system, {{record.question, record.answer}}});
}

std::string chat_prompt(const std::string& system, const std::string& question) {
  return (system.empty() ? std::string() : turn("system", system)) + turn("question", question) +
         answer_start();
}

std::unique_ptr<DocumentReader> open_chat_source(const std::string& name,
                                                 const SourceOptions& options, std::uint64_t) {
  return std::make_unique<ChatReader>(name, options);
}

}  // namespace anneal
