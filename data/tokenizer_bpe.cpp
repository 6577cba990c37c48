#include "data/tokenizer_bpe.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <unordered_map>

#include "base/error.h"
#include "base/fingerprint.h"
#include "base/text.h"
#include "data/added_tokens.h"
#include "data/split_pattern.h"
#include "data/word_cache.h"

namespace anneal {

namespace {

std::size_t char_length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// NFC. Nothing below U+0300 composes with what stands before it or changes by itself.
std::string composed(std::string_view text) {
  const auto simple = [](char c) { return static_cast<unsigned char>(c) < 0xCC; };
  if (std::all_of(text.begin(), text.end(), simple)) return std::string(text);
  utf8proc_uint8_t* out = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &out,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (size < 0)
    throw DataError(
        fmt::format("cannot normalise a text of {} bytes: {}", text.size(), utf8proc_errmsg(size)));
  std::string result(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
  std::free(out);
  return result;
}

struct BpeModel : TokenizerModel {
  explicit BpeModel(BpeParts given);
  std::vector<TokenId> encode(std::string_view text) const override;
  TokenId id_of_piece(std::string_view piece) const override {
    const auto found = by_name.find(piece);
    return found == by_name.end() ? -1 : found->second;
  }
  void save(const std::filesystem::path& folder) const override {
    write_tokenizer_files(folder, parts.files);
  }

 private:
  std::string normalised(std::string_view text) const;
  void append_stretch(std::string_view text, bool at_start, std::vector<TokenId>& ids) const;
  void append_marked(std::string_view text, bool at_start, std::vector<TokenId>& ids) const;
  void append_split(std::string_view text, std::size_t step, std::vector<TokenId>& ids) const;
  void append_word(std::string_view word, std::vector<TokenId>& ids) const;
  void append_symbols(std::string_view word, std::vector<TokenId>& symbols) const;
  TokenId piece(std::string_view text) const {
    const auto found = by_piece.find(text);
    return found == by_piece.end() ? -1 : found->second;
  }
  void find_word_borders();
  void note_missing_bytes();
  std::string content_fingerprint() const;

  BpeParts parts;
  std::unordered_map<std::string_view, TokenId> by_piece, by_name;  // views into `parts`
  std::array<TokenId, 256> byte_token{};                            // -1: the byte has none
  BpeMerges merges;
  AddedTokenFinder raw_added, normalised_added;
  std::vector<SplitPattern> patterns;
  bool normalises = false;
  bool by_word = false;  // no merge leads from a word into the mark after it
  mutable WordCache cache;
};

BpeModel::BpeModel(BpeParts given) : parts(std::move(given)), merges(parts.merges) {
  bytes = std::move(parts.bytes);
  bos = parts.bos, eos = parts.eos, unk = parts.unk, pad = parts.pad;
  normalises = parts.compose || parts.space_mark == SpaceMark::kBefore;
  space_before = parts.space_mark >= SpaceMark::kBefore;
  const auto count = static_cast<TokenId>(parts.pieces.size());
  by_piece.reserve(parts.pieces.size());
  by_name.reserve(parts.names.size());
  for (TokenId id = 0; id < count; ++id) {
    const auto i = static_cast<std::size_t>(id);
    if (!parts.pieces[i].empty()) by_piece.emplace(parts.pieces[i], id);
    if (!parts.names[i].empty()) by_name.emplace(parts.names[i], id);
  }
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text = parts.byte_level ? std::string(1, static_cast<char>(byte))
                                              : fmt::format("<0x{:02X}>", byte);
    byte_token[static_cast<std::size_t>(byte)] =
        parts.byte_level || parts.byte_fallback ? piece(text) : -1;
  }
  for (const auto& token : parts.added) {
    if (!token.in_text) continue;
    const bool late = token.normalized && normalises;
    // without a normalizer the two kinds still go one after the other, as in tokenizers
    if (late)
      normalised_added.add(normalised(token.text), token.id, token.lstrip, token.rstrip);
    else if (token.normalized)
      normalised_added.add(token.text, token.id, token.lstrip, token.rstrip);
    else
      raw_added.add(token.text, token.id, token.lstrip, token.rstrip);
  }
  for (const auto& step : parts.steps) patterns.emplace_back(step.pattern);
  im_start = id_of_piece("<|im_start|>");
  im_end = id_of_piece("<|im_end|>");
  if (!parts.byte_level) find_word_borders();
  note_missing_bytes();
  fingerprint = content_fingerprint();
  parts.merges = {};
}

/// Words (marks and what follows them) may be merged one by one if no merge makes a token with a
/// mark after something else.
void BpeModel::find_word_borders() {
  by_word = !parts.whole_words_first && parts.space_mark != SpaceMark::kNone && piece(kSpacePiece) >= 0;
  for (const auto& merge : parts.merges) {
    std::string_view text = parts.pieces[static_cast<std::size_t>(merge.result)];
    while (text.starts_with(kSpacePiece)) text.remove_prefix(kSpacePiece.size());
    by_word = by_word && text.find(kSpacePiece) == std::string_view::npos;
  }
}

void BpeModel::note_missing_bytes() {
  if (unk >= 0 || !(parts.byte_level || parts.byte_fallback)) return;
  int missing = 0;
  for (int byte = 0; byte < 256; ++byte) {
    // C0, C1 and F5 to FF are in no valid text
    const bool possible = byte < 0xC0 || (byte > 0xC1 && byte < 0xF5);
    missing += possible && byte_token[static_cast<std::size_t>(byte)] < 0;
  }
  if (missing > 0) {
    note = fmt::format(
        "{} has no token for {} of the 243 bytes that a text may hold: they are left out of every "
        "text",
        parts.where, missing);
  }
}

/// Of what the tokenizer does, not of the file's layout.
std::string BpeModel::content_fingerprint() const {
  Fingerprinter all;
  const auto add = [&](std::string_view text) {
    const auto size = static_cast<std::uint64_t>(text.size());
    all.add(&size, sizeof size);
    all.add(text);
  };
  add(fmt::format("bpe 1 {} {} {} {} {} {} {} {} {} {} {}", parts.byte_level, parts.byte_fallback,
                  parts.fuse_unk, parts.whole_words_first, parts.split_marks, parts.compose,
                  static_cast<int>(parts.space_mark), bos, eos, unk, pad));
  for (const auto& step : parts.steps) add(fmt::format("{} {}", step.drop_rest, step.pattern));
  for (const auto& name : parts.names) add(name);
  add("merges");
  static_assert(sizeof(BpeMerge) == 16, "hashed as it lies");
  all.add(parts.merges.data(), parts.merges.size() * sizeof(BpeMerge));
  for (const auto& token : parts.added) {
    add(fmt::format("{} {} {} {} {} {} {}", token.id, token.special, token.normalized, token.lstrip,
                    token.rstrip, token.in_text, token.text));
  }
  return all.hex();
}

std::string BpeModel::normalised(std::string_view text) const {
  std::string out = parts.compose ? composed(text) : std::string(text);
  if (parts.space_mark != SpaceMark::kBefore) return out;
  std::string marked;
  if (!out.empty()) marked = kSpacePiece;
  for (const char c : out) c == ' ' ? marked.append(kSpacePiece) : marked.append(1, c);
  return marked;
}

std::vector<TokenId> BpeModel::encode(std::string_view text) const {
  if (const auto bad = first_invalid_utf8(text)) {
    throw DataError(
        fmt::format("cannot tokenize a text of {} bytes: byte {} (0x{:02X}) is not valid UTF-8",
                    text.size(), *bad, static_cast<unsigned char>(text[*bad])),
        "convert the text to UTF-8");
  }
  std::vector<TokenId> ids;
  ids.reserve(text.size() / 3 + 1);
  bool at_start = true;
  raw_added.cut(text, [&](std::string_view part, TokenId id) {
    if (id >= 0) {
      ids.push_back(id);
    } else if (normalises) {
      append_stretch(normalised(part), at_start, ids);
    } else {
      append_stretch(part, at_start, ids);
    }
    at_start = false;
  });
  return ids;
}

/// A normalised stretch between two added tokens.
void BpeModel::append_stretch(std::string_view text, bool at_start,
                              std::vector<TokenId>& ids) const {
  normalised_added.cut(text, [&](std::string_view part, TokenId id) {
    if (id >= 0)
      ids.push_back(id);
    else if (parts.byte_level)
      append_split(part, 0, ids);
    else
      append_marked(part, at_start, ids);
    at_start = false;
  });
}

/// On characters: spaces to marks, then word by word.
void BpeModel::append_marked(std::string_view text, bool at_start,
                             std::vector<TokenId>& ids) const {
  std::string marked;
  if (parts.space_mark != SpaceMark::kNone && parts.space_mark != SpaceMark::kBefore) {
    marked.reserve(text.size() + text.size() / 2 + kSpacePiece.size());
    const bool wanted = parts.space_mark == SpaceMark::kMissing ||
                        (parts.space_mark == SpaceMark::kFirst && at_start);
    if (wanted && !text.starts_with(' ') && !text.starts_with(kSpacePiece)) marked = kSpacePiece;
    for (const char c : text) c == ' ' ? marked.append(kSpacePiece) : marked.append(1, c);
    text = marked;
  }
  if (!by_word && !parts.split_marks) return append_split(text, 0, ids);
  while (!text.empty()) {
    std::size_t end = 0;
    if (parts.split_marks) {
      end = text.find(kSpacePiece, text.starts_with(kSpacePiece) ? kSpacePiece.size() : 0);
    } else {
      while (text.substr(end).starts_with(kSpacePiece)) end += kSpacePiece.size();
      end = text.find(kSpacePiece, end);
    }
    append_split(text.substr(0, end), 0, ids);
    text.remove_prefix(std::min(end, text.size()));
  }
}

void BpeModel::append_split(std::string_view text, std::size_t step,
                            std::vector<TokenId>& ids) const {
  if (step == patterns.size()) return append_word(text, ids);
  patterns[step].split(text, [&](std::string_view word, bool matched) {
    if (matched || !parts.steps[step].drop_rest) append_split(word, step + 1, ids);
  });
}

void BpeModel::append_word(std::string_view word, std::vector<TokenId>& ids) const {
  if (word.empty()) return;
  const bool cached = word.size() <= WordCache::kMaxWordBytes;
  if (cached && cache.append(word, ids)) return;
  std::vector<TokenId> symbols;
  const TokenId whole = parts.whole_words_first ? piece(word) : -1;
  if (whole >= 0) {
    symbols.push_back(whole);
  } else {
    append_symbols(word, symbols);
    merges.apply(symbols);
  }
  ids.insert(ids.end(), symbols.begin(), symbols.end());
  if (cached) cache.insert(word, std::move(symbols));
}

/// The tokens that merging begins with: one a byte, or one a character, or the character's bytes.
void BpeModel::append_symbols(std::string_view word, std::vector<TokenId>& symbols) const {
  bool open_unk = false;  // an unknown one that the next may join
  for (std::size_t i = 0; i < word.size();) {
    const std::size_t length = parts.byte_level ? 1 : char_length(word[i]);
    const std::string_view one = word.substr(i, length);
    i += length;
    TokenId id = parts.byte_level ? byte_token[static_cast<unsigned char>(one[0])] : piece(one);
    if (id >= 0) {
      symbols.push_back(id);
      open_unk = false;
      continue;
    }
    if (!parts.byte_level && parts.byte_fallback &&
        std::all_of(one.begin(), one.end(),
                    [&](char c) { return byte_token[static_cast<unsigned char>(c)] >= 0; })) {
      for (const char c : one) symbols.push_back(byte_token[static_cast<unsigned char>(c)]);
      continue;
    }
    if (unk < 0) continue;  // left out, which `note` says
    if (!open_unk || !parts.fuse_unk) symbols.push_back(unk);
    open_unk = true;
  }
}

}  // namespace

std::shared_ptr<const TokenizerModel> make_bpe_tokenizer(BpeParts parts) {
  return std::make_shared<BpeModel>(std::move(parts));
}

}  // namespace anneal
