// The regular expression by which a byte-level tokenizer cuts a text into words, matched by PCRE2
// (UTF-8, Unicode properties, just-in-time compiled). Patterns are those of tokenizer.json
// (Oniguruma) and tiktoken (Rust's regex); white space is Unicode's White_Space, as there.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace anneal {

class SplitPattern {
 public:
  /// Compiles the pattern. Throws DataError with the library's reason and the place in the pattern.
  explicit SplitPattern(const std::string& pattern);

  /// Calls `word` for every match and for every stretch between matches, in order; together they
  /// are the text, which must be valid UTF-8. Safe to call from several threads. Throws DataError.
  void split(std::string_view text,
             const std::function<void(std::string_view, bool matched)>& word) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

/// The pattern that matches exactly `text`.
std::string literal_pattern(std::string_view text);

}  // namespace anneal
