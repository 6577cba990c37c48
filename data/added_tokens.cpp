#include "data/added_tokens.h"

#include <algorithm>
#include <cstdint>

namespace anneal {

namespace {

/// Code point that ends at `end` (valid UTF-8), and its length.
std::pair<std::uint32_t, std::size_t> code_point(std::string_view text, std::size_t begin) {
  const auto lead = static_cast<unsigned char>(text[begin]);
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  std::uint32_t c = length == 1 ? lead : lead & (0x7F >> length);
  for (std::size_t i = 1; i < length; ++i)
    c = c << 6 | (static_cast<unsigned char>(text[begin + i]) & 0x3F);
  return {c, length};
}

/// Unicode's White_Space.
bool is_space(std::uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

std::size_t spaces_at_start(std::string_view text) {
  std::size_t size = 0;
  while (size < text.size()) {
    const auto [c, length] = code_point(text, size);
    if (!is_space(c)) break;
    size += length;
  }
  return size;
}

std::size_t spaces_at_end(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0) {
    std::size_t begin = end - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
    if (!is_space(code_point(text, begin).first)) break;
    end = begin;
  }
  return text.size() - end;
}

}  // namespace

void AddedTokenFinder::add(std::string text, TokenId id, bool lstrip, bool rstrip) {
  if (text.empty()) return;
  const char first = text.front();
  if (first_bytes_.find(first) == std::string::npos) first_bytes_.push_back(first);
  auto& entries = by_first_byte_[static_cast<unsigned char>(first)];
  const auto place = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) {
    return entry.text.size() < text.size();
  });
  entries.insert(place, Entry{std::move(text), id, lstrip, rstrip});
  ++num_;
}

const AddedTokenFinder::Entry* AddedTokenFinder::at(std::string_view rest) const {
  for (const auto& entry : by_first_byte_[static_cast<unsigned char>(rest.front())]) {
    if (rest.starts_with(entry.text)) return &entry;
  }
  return nullptr;
}

void AddedTokenFinder::cut(std::string_view text,
                           const std::function<void(std::string_view, TokenId)>& part) const {
  std::size_t done = 0;
  for (std::size_t i = text.find_first_of(first_bytes_); i < text.size() && num_ > 0;
       i = text.find_first_of(first_bytes_, i)) {
    const Entry* entry = at(text.substr(i));
    if (entry == nullptr) {
      ++i;
      continue;
    }
    std::size_t begin = i, end = i + entry->text.size();
    i = end;
    if (entry->lstrip && begin > done) begin -= spaces_at_end(text.substr(done, begin - done));
    if (entry->rstrip) end += spaces_at_start(text.substr(end));
    if (begin > done) part(text.substr(done, begin - done), -1);
    part(text.substr(begin, end - begin), entry->id);
    done = end;
    i = std::max(i, done);
  }
  if (done < text.size()) part(text.substr(done), -1);
}

}  // namespace anneal
