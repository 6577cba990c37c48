#include "data/corpus_general.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/random.h"
#include "base/text.h"
#include "data/corpus_frames.h"

namespace anneal {
namespace {

/// Definitions outside quotation marks, examples inside them.
void read_gloss(std::string_view text, Gloss& gloss) {
  std::string outside;
  while (!text.empty()) {
    const auto open = text.find('"');
    outside += text.substr(0, open);
    if (open == std::string_view::npos) break;
    text.remove_prefix(open + 1);
    const auto close = text.find('"');
    const auto example = trim(text.substr(0, close));
    if (example.size() > 1) gloss.examples.emplace_back(example);
    if (close == std::string_view::npos) break;
    text.remove_prefix(close + 1);
  }
  for (const auto part : split(outside, ';')) {
    auto piece = trim(part);
    // what introduces or follows an example: "- William James", a lone comma
    if (piece.size() < 3 || piece.front() == '-' || piece.front() == ',') continue;
    if (!gloss.definition.empty()) gloss.definition += "; ";
    gloss.definition += piece;
  }
}

std::vector<std::string_view> head_fields(std::string_view line) {
  std::vector<std::string_view> fields;
  for (const auto field : split(line.substr(0, line.find('|')), ' ')) {
    if (!field.empty()) fields.push_back(field);
    if (fields.size() == 5) break;
  }
  return fields;
}

/// Ends with a full stop; typewriter quotes become plain ones.
std::string sentence(std::string text) {
  std::replace(text.begin(), text.end(), '`', '\'');
  while (!text.empty() && (text.back() == ',' || text.back() == ':' || text.back() == ' ')) {
    text.pop_back();
  }
  if (!text.empty() && !std::ispunct(static_cast<unsigned char>(text.back()))) text += '.';
  if (text.ends_with(')')) text += '.';
  return text;
}

}  // namespace

std::vector<Gloss> read_glosses(const std::filesystem::path& folder) {
  static constexpr std::pair<const char*, const char*> kFiles[] = {{"data.noun", "noun"},
                                                                   {"data.verb", "verb"},
                                                                   {"data.adj", "adjective"},
                                                                   {"data.adv", "adverb"}};
  std::vector<Gloss> glosses;
  for (const auto& [file, kind] : kFiles) {
    const auto path = folder / file;
    if (!std::filesystem::exists(path)) {
      throw DataError(fmt::format("general English: {} is not there", path.string()),
                      "apt-get install wordnet-base, or set corpus.general to its folder");
    }
    const std::string text = read_file(path);
    int line_number = 0;
    for (const auto line : split(text, '\n')) {
      ++line_number;
      if (line.empty() || line.front() == ' ') continue;  // the licence stands in indented lines
      const auto bar = line.find('|');
      const auto fields = head_fields(line);
      if (bar == std::string_view::npos || fields.size() < 5) {
        throw DataError(
            fmt::format("{}:{}: not a line of WordNet's format", path.string(), line_number),
            "reinstall the package wordnet-base");
      }
      const auto gloss_text = trim(line.substr(bar + 1));
      if (first_invalid_utf8(gloss_text) || first_invalid_utf8(fields[4])) continue;
      Gloss gloss;
      gloss.kind = kind;
      // adjectives carry a syntactic marker: "galore(ip)"
      for (const char c : fields[4].substr(0, fields[4].find('(')))
        gloss.word += c == '_' ? ' ' : c;
      read_gloss(gloss_text, gloss);
      if (!gloss.definition.empty()) glosses.push_back(std::move(gloss));
    }
  }
  if (glosses.empty()) {
    throw DataError(fmt::format("general English: no glosses in {}", folder.string()),
                    "reinstall the package wordnet-base");
  }
  return glosses;
}

std::string gloss_sentence(const Gloss& gloss) {
  std::string text = gloss.word + ": " + sentence(gloss.definition);
  for (const auto& example : gloss.examples) text += " " + sentence(capitalised(example));
  return text;
}

ChatRecord gloss_question(const Gloss& gloss, std::uint64_t key) {
  static const std::vector<std::string> systems = {
      "You explain English words.", "You are a helpful dictionary.",
      "Answer questions about words clearly and briefly.", "You are a helpful assistant.",
      "Give short and correct answers."};
  static const std::vector<std::string> questions = {
      "What does \"{word}\" mean?",
      "What is the meaning of \"{word}\"?",
      "Define the {kind} \"{word}\".",
      "Explain the word \"{word}\".",
      "Give a definition of \"{word}\" as {a_kind}.",
      "I came across the {kind} \"{word}\". What does it say?",
      "How would a dictionary explain \"{word}\"?",
      "Tell me one sense of the {kind} \"{word}\"."};
  Random random(key);
  const Words words = {
      {"word", gloss.word}, {"kind", gloss.kind}, {"a_kind", with_article(gloss.kind)}};
  ChatRecord record;
  record.system = systems[random.below(systems.size())];
  record.question = fill(questions[random.below(questions.size())], words);
  record.answer = sentence(capitalised(gloss.definition));
  if (!gloss.examples.empty() && random.below(2) == 0) {
    record.answer += " Example: " + sentence(capitalised(gloss.examples.front()));
  }
  return record;
}

}  // namespace anneal
