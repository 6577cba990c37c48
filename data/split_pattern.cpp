#include "data/split_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <cctype>

#include "base/error.h"

namespace anneal {

namespace {

/// PCRE2's \s takes in U+180E, which left White_Space with Unicode 6.3.
std::string with_unicode_spaces(const std::string& pattern) {
  const std::string spaces = R"(\p{Z}\x09-\x0D\x{85})";
  std::string out;
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      const char next = pattern[++i];
      if (next == 's')
        out += in_class ? spaces : "[" + spaces + "]";
      else if (next == 'S' && !in_class)
        out += "[^" + spaces + "]";
      else
        out.append({c, next});
      continue;
    }
    if (c == '[') in_class = true;
    if (c == ']') in_class = false;
    out.push_back(c);
  }
  return out;
}

std::string message_of(int code) {
  PCRE2_UCHAR text[256];
  if (pcre2_get_error_message(code, text, sizeof text) < 0) return fmt::format("error {}", code);
  return reinterpret_cast<const char*>(text);
}

struct MatchDataDeleter {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};

}  // namespace

struct SplitPattern::State {
  pcre2_code* code = nullptr;
  bool compiled = false;  // just in time
  std::string pattern;
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { pcre2_code_free(code); }

  int match(PCRE2_SPTR text, std::size_t size, std::size_t from, pcre2_match_data* data) const {
    if (compiled) {
      const int result = pcre2_jit_match(code, text, size, from, 0, data, nullptr);
      if (result != PCRE2_ERROR_JIT_STACKLIMIT) return result;
    }
    return pcre2_match(code, text, size, from, PCRE2_NO_UTF_CHECK, data, nullptr);
  }
};

SplitPattern::SplitPattern(const std::string& pattern) {
  const auto state = std::make_shared<State>();
  state->pattern = pattern;
  const std::string ours = with_unicode_spaces(pattern);
  int code = 0;
  PCRE2_SIZE at = 0;
  state->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(ours.data()), ours.size(),
                              PCRE2_UTF | PCRE2_UCP, &code, &at, nullptr);
  if (state->code == nullptr) {
    throw DataError(
        fmt::format("the tokenizer's split pattern is not understood: {} at byte {} of {}",
                    message_of(code), at, ours),
        "patterns are read in PCRE2's syntax");
  }
  // without it (a processor or a system that forbids it) matching is slower, and the same
  state->compiled = pcre2_jit_compile(state->code, PCRE2_JIT_COMPLETE) == 0;
  state_ = state;
}

void SplitPattern::split(std::string_view text,
                         const std::function<void(std::string_view, bool matched)>& word) const {
  const std::unique_ptr<pcre2_match_data, MatchDataDeleter> data(
      pcre2_match_data_create_from_pattern(state_->code, nullptr));
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  std::size_t done = 0, from = 0;
  while (from < text.size()) {
    const int result = state_->match(subject, text.size(), from, data.get());
    if (result == PCRE2_ERROR_NOMATCH) break;
    if (result < 0) {
      throw DataError(
          fmt::format("cannot split a text of {} bytes by the tokenizer's pattern {}: {}",
                      text.size(), state_->pattern, message_of(result)));
    }
    const PCRE2_SIZE* found = pcre2_get_ovector_pointer(data.get());
    const std::size_t begin = found[0], end = found[1];
    if (begin == end) {  // an empty match: on by one code point
      from = end + 1;
      while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0) == 0x80) ++from;
      continue;
    }
    if (begin > done) word(text.substr(done, begin - done), /*matched=*/false);
    word(text.substr(begin, end - begin), /*matched=*/true);
    done = from = end;
  }
  if (done < text.size()) word(text.substr(done), /*matched=*/false);
}

std::string literal_pattern(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte >= 0x80 || byte == ' ' || std::isalnum(byte) != 0 || byte == '_';
    if (!plain) pattern.push_back('\\');
    pattern.push_back(c);
  }
  return pattern;
}

}  // namespace anneal
