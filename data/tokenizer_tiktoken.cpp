#include "data/tokenizer_tiktoken.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <unordered_map>

#include "base/error.h"
#include "base/text.h"
#include "data/llama3_pattern.h"
#include "data/tokenizer_bpe.h"

namespace anneal {

namespace {

constexpr int kNumSpecial = 256;

std::optional<std::string> from_base64(std::string_view text) {
  static const auto values = [] {
    std::array<int, 256> table;
    table.fill(-1);
    const std::string_view letters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t i = 0; i < letters.size(); ++i)
      table[static_cast<unsigned char>(letters[i])] = static_cast<int>(i);
    return table;
  }();
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::string out;
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int value = i + padding >= text.size() ? 0 : values[static_cast<unsigned char>(text[i])];
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if (i % 4 == 3) {
      for (const int shift : {16, 8, 0}) out.push_back(static_cast<char>(bits >> shift & 0xFF));
      bits = 0;
    }
  }
  out.resize(out.size() - padding);
  return out;
}

/// A line as token and rank.
std::optional<std::pair<std::string, std::int64_t>> parse_line(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  auto token = from_base64(line.substr(0, space));
  const std::string_view number = line.substr(space + 1);
  std::int64_t rank = -1;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), rank);
  if (!token || token->empty() || error != std::errc() || end != number.data() + number.size() ||
      rank < 0) {
    return std::nullopt;
  }
  return std::pair{std::move(*token), rank};
}

std::string special_name(int index) {
  switch (index) {
    case 0:
      return "<|begin_of_text|>";
    case 1:
      return "<|end_of_text|>";
    case 6:
      return "<|start_header_id|>";
    case 7:
      return "<|end_header_id|>";
    case 9:
      return "<|eot_id|>";
    default:
      break;
  }
  // 2 to 5 are reserved 0 to 3, 8 is reserved 4, 10 and the others follow
  const int reserved = index < 6 ? index - 2 : index == 8 ? 4 : index - 5;
  return fmt::format("<|reserved_special_token_{}|>", reserved);
}

/// Every cut of a token into two tokens is a merge.
std::vector<BpeMerge> merges_of(const std::vector<std::string>& pieces) {
  std::unordered_map<std::string_view, TokenId> ids;
  ids.reserve(pieces.size());
  for (std::size_t i = 0; i < pieces.size(); ++i) ids.emplace(pieces[i], static_cast<TokenId>(i));
  std::vector<BpeMerge> merges;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const std::string_view piece = pieces[i];
    for (std::size_t cut = 1; cut < piece.size(); ++cut) {
      const auto left = ids.find(piece.substr(0, cut));
      if (left == ids.end()) continue;
      const auto right = ids.find(piece.substr(cut));
      if (right == ids.end()) continue;
      merges.push_back(
          {left->second, right->second, static_cast<TokenId>(i), static_cast<std::uint32_t>(i)});
    }
  }
  return merges;
}

}  // namespace

bool looks_like_tiktoken(std::string_view file) {
  return parse_line(trim(file.substr(0, file.substr(0, 4096).find('\n')))).has_value();
}

std::shared_ptr<const TokenizerModel> read_tiktoken(const std::string& file,
                                                    const std::string& where) {
  BpeParts parts;
  parts.where = where;
  std::int64_t number = 0;
  for (const auto row : split(file, '\n')) {
    ++number;
    const std::string_view line = trim(row);
    if (line.empty()) continue;
    auto entry = parse_line(line);
    const auto expected = static_cast<std::int64_t>(parts.pieces.size());
    if (!entry || entry->second != expected) {
      throw DataError(fmt::format("{}:{}: expected a token in base64 and its rank {}, got {}",
                                  where, number, expected, anneal::quoted(line)),
                      "the file is damaged or cut: copy it again");
    }
    parts.pieces.push_back(std::move(entry->first));
  }
  // a file that is cut at the end of a line is only seen if it lost a byte, which come first
  std::array<bool, 256> seen{};
  for (const auto& piece : parts.pieces) {
    if (piece.size() == 1) seen[static_cast<unsigned char>(piece[0])] = true;
  }
  if (const auto missing = std::find(seen.begin(), seen.end(), false); missing != seen.end()) {
    throw DataError(
        fmt::format("{} is not a whole tiktoken file: its {} tokens lack the byte 0x{:02X}", where,
                    parts.pieces.size(), missing - seen.begin()),
        "the file is damaged or cut: copy it again");
  }
  parts.merges = merges_of(parts.pieces);
  parts.names = parts.bytes = parts.pieces;
  for (int i = 0; i < kNumSpecial; ++i) {
    const auto id = static_cast<TokenId>(parts.names.size());
    parts.names.push_back(special_name(i));
    parts.pieces.emplace_back();
    parts.bytes.emplace_back();
    parts.added.push_back({.id = id, .text = special_name(i), .special = true, .in_text = false});
    if (i == 0) parts.bos = id;
    if (i == 1) parts.eos = id;
  }
  parts.whole_words_first = true;
  parts.steps.push_back({kLlama3Pattern});
  parts.files = {{"tokenizer.model", file}};
  return make_bpe_tokenizer(std::move(parts));
}

}  // namespace anneal
