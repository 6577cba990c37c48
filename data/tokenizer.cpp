#include "data/tokenizer.h"

#include <sentencepiece_processor.h>

#include "base/error.h"
#include "base/files.h"
#include "base/fingerprint.h"
#include "base/text.h"
#include "data/tokenizer_llama2c.h"
#include "data/tokenizer_proto.h"
#include "data/word_cache.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581

/// Appends `bytes`, which may hold ill-formed sequences; each ill-formed byte becomes U+FFFD.
std::string replace_invalid(std::string bytes) {
  auto bad = first_invalid_utf8(bytes);
  if (!bad) return bytes;
  std::string out;
  std::string_view rest = bytes;
  while (bad) {
    out.append(rest.substr(0, *bad)).append("\xEF\xBF\xBD");
    rest.remove_prefix(*bad + 1);
    bad = first_invalid_utf8(rest);
  }
  return out.append(rest);
}

}  // namespace

struct Tokenizer::State {
  sentencepiece::SentencePieceProcessor processor;
  std::string proto, fingerprint;
  std::vector<std::string> bytes;  // by id
  std::vector<TokenId> space_mark_bytes;  // the byte pieces of a literal U+2581, if they are exact
  TokenId im_start = -1, im_end = -1;
  bool space_before = false;
  bool by_word = false;        // words may be tokenized one by one
  bool line_feed_alone = false;  // so may the parts between line feeds
  mutable WordCache cache;

  std::size_t word_end(std::string_view text) const;
  void append_part(std::string_view part, bool at_start, std::vector<TokenId>& ids) const;
  void append(std::string_view text, std::vector<TokenId>& ids) const;
  void find_word_borders();
  TokenId exact_id(std::string_view piece) const {
    const int id = processor.PieceToId(piece);
    return processor.IdToPiece(id) == piece ? id : -1;
  }
};

Tokenizer Tokenizer::load(const fs::path& path) {
  fs::path file = path;
  if (fs::is_directory(path)) {
    file = path / "tokenizer.model";
    if (!fs::exists(file)) {
      if (fs::exists(path / "tokenizer.json")) {
        throw DataError(
            fmt::format("{} holds tokenizer.json but no tokenizer.model", path.string()),
            "only SentencePiece models are read: take tokenizer.model from the model's original "
            "distribution, or train one with `anneal tokenizer train`");
      }
      throw DataError(fmt::format("folder {} holds no tokenizer.model", path.string()),
                      "set tokenizer.path to a SentencePiece .model file, or to a folder with one");
    }
  } else if (!fs::exists(path)) {
    throw DataError(fmt::format("tokenizer {} does not exist", path.string()),
                    "set tokenizer.path to a SentencePiece .model file, or train one with "
                    "`anneal tokenizer train`");
  }
  if (file.extension() == ".bin") return from_llama2c(file);
  if (file.extension() == ".json") {
    throw DataError(fmt::format("{} is not a SentencePiece model", file.string()),
                    "tokenizer.json is not read: give the tokenizer.model that belongs to it");
  }
  return from_bytes(read_file(file), file.string());
}

Tokenizer Tokenizer::from_bytes(std::string model_proto, const std::string& where) {
  const auto state = std::make_shared<State>();
  state->proto = std::move(model_proto);
  const std::string fault = find_model_fault(state->proto);
  const auto status = fault.empty() ? state->processor.LoadFromSerializedProto(state->proto)
                                    : sentencepiece::util::Status();
  if (!fault.empty() || !status.ok()) {
    throw DataError(fmt::format("{} is not a whole SentencePiece model ({} bytes): {}", where,
                                state->proto.size(), fault.empty() ? status.ToString() : fault),
                    "copy the file again, or train a tokenizer with `anneal tokenizer train`");
  }
  state->fingerprint = anneal::fingerprint(state->proto);

  const auto& sp = state->processor;
  for (int id = 0; id < sp.GetPieceSize(); ++id) {
    const std::string& piece = sp.IdToPiece(id);
    std::string bytes;
    if (sp.IsByte(id)) {
      bytes.push_back(static_cast<char>(std::stoi(piece.substr(3, 2), nullptr, 16)));
    } else if (sp.IsUnknown(id)) {
      sp.Decode(std::vector<int>{id}, &bytes).IgnoreError();
    } else if (!sp.IsControl(id)) {
      std::string_view rest = piece;
      while (!rest.empty()) {
        const bool mark = rest.starts_with(kSpaceMark);
        bytes.push_back(mark ? ' ' : rest.front());
        rest.remove_prefix(mark ? kSpaceMark.size() : 1);
      }
    }
    state->bytes.push_back(std::move(bytes));
  }
  state->im_start = state->exact_id("<|im_start|>");
  state->im_end = state->exact_id("<|im_end|>");
  std::vector<std::string> probe;
  if (sp.Encode("a", &probe).ok() && !probe.empty()) state->space_before = probe[0].starts_with(kSpaceMark);
  // SentencePiece cannot tell a literal U+2581 from a space; with byte pieces it can be kept
  for (const std::string_view byte : {"<0xE2>", "<0x96>", "<0x81>"}) {
    const TokenId id = state->exact_id(byte);
    if (id >= 0 && !state->space_before) state->space_mark_bytes.push_back(id);
  }
  if (state->space_mark_bytes.size() != 3) state->space_mark_bytes.clear();
  state->find_word_borders();
  return Tokenizer(state);
}

/// Words may be taken one by one if no piece leads from a word into the space after it; line feeds,
/// if they are a symbol of their own and in no other piece.
void Tokenizer::State::find_word_borders() {
  by_word = keeps_text_as_is(proto);
  const TokenId line_feed = exact_id("\n");
  line_feed_alone = line_feed >= 0 && !space_before;
  for (int id = 0; id < processor.GetPieceSize(); ++id) {
    if (processor.IsByte(id) || processor.IsControl(id) || processor.IsUnknown(id)) continue;
    const std::string& text = bytes[static_cast<std::size_t>(id)];
    for (std::size_t i = 1; i < text.size(); ++i) by_word &= !(text[i] == ' ' && text[i - 1] != ' ');
    line_feed_alone &= id == line_feed || text.find('\n') == std::string::npos;
  }
}

/// Length of the first word: spaces and what follows up to the next space, or one line feed.
std::size_t Tokenizer::State::word_end(std::string_view text) const {
  if (line_feed_alone && text.front() == '\n') return 1;
  std::size_t end = 0;
  while (end < text.size() && text[end] == ' ') ++end;
  while (end < text.size() && text[end] != ' ' && !(line_feed_alone && text[end] == '\n')) ++end;
  return end;
}

void Tokenizer::State::append_part(std::string_view part, bool at_start, std::vector<TokenId>& ids) const {
  // the model itself puts the first space of a word there, if it does so before a text
  if (space_before && !at_start) part.remove_prefix(1);
  std::vector<int> found;
  const auto status = processor.Encode(part, &found);
  if (!status.ok()) throw DataError(fmt::format("cannot tokenize: {}", status.ToString()));
  ids.insert(ids.end(), found.begin(), found.end());
}

void Tokenizer::State::append(std::string_view text, std::vector<TokenId>& ids) const {
  // a space at the end has no word to be put before; a literal U+2581 is one more space to SentencePiece
  if (!by_word || (space_before && text.ends_with(' ')) || text.find(kSpaceMark) != std::string_view::npos) {
    append_part(text, /*at_start=*/true, ids);
    return;
  }
  for (bool at_start = true; !text.empty(); at_start = false) {
    const std::string_view word = text.substr(0, word_end(text));
    text.remove_prefix(word.size());
    const bool cached = word.size() <= WordCache::kMaxWordBytes && !(space_before && at_start);
    if (cached && cache.append(word, ids)) continue;
    const std::size_t before = ids.size();
    append_part(word, at_start, ids);
    if (cached) cache.insert(word, {ids.begin() + static_cast<std::ptrdiff_t>(before), ids.end()});
  }
}

std::vector<TokenId> Tokenizer::encode(std::string_view text) const {
  std::vector<TokenId> ids;
  for (;;) {
    const std::size_t mark = state_->space_mark_bytes.empty() ? std::string_view::npos : text.find(kSpaceMark);
    state_->append(text.substr(0, mark), ids);
    if (mark == std::string_view::npos) return ids;
    ids.insert(ids.end(), state_->space_mark_bytes.begin(), state_->space_mark_bytes.end());
    text.remove_prefix(mark + kSpaceMark.size());
  }
}

std::vector<TokenId> Tokenizer::encode_continuation(std::string_view text) const {
  std::vector<TokenId> ids = encode(adds_space_before() ? "\n" + std::string(text) : std::string(text));
  if (!adds_space_before()) return ids;
  // The space goes before the line feed; both are taken off again.
  std::string front;
  for (std::size_t i = 0; i < ids.size() && front.size() < 2; ++i) {
    front += piece_bytes(ids[i]);
    if (front == "\n" || front == " \n") return {ids.begin() + static_cast<std::ptrdiff_t>(i) + 1, ids.end()};
  }
  return encode(text);  // the line feed is merged into a longer piece: keep the space
}

std::string Tokenizer::decode(std::span<const TokenId> ids) const {
  std::string text;
  bool at_start = true;
  for (const TokenId id : ids) {
    std::string_view bytes = piece_bytes(id);
    if (bytes.empty()) continue;
    if (at_start && state_->space_before && bytes.front() == ' ' && id != unk_id()) bytes.remove_prefix(1);
    at_start = false;
    text.append(bytes);
  }
  return replace_invalid(std::move(text));
}

const std::string& Tokenizer::piece_bytes(TokenId id) const {
  if (id < 0 || id >= vocab_size()) {
    throw DataError(fmt::format("token {} is outside the vocabulary of {} pieces", id, vocab_size()),
                    "the tokens were made with another tokenizer");
  }
  return state_->bytes[static_cast<std::size_t>(id)];
}

int Tokenizer::vocab_size() const { return static_cast<int>(state_->bytes.size()); }
TokenId Tokenizer::bos_id() const { return state_->processor.bos_id(); }
TokenId Tokenizer::eos_id() const { return state_->processor.eos_id(); }
TokenId Tokenizer::unk_id() const { return state_->processor.unk_id(); }
TokenId Tokenizer::pad_id() const { return state_->processor.pad_id(); }
TokenId Tokenizer::im_start_id() const { return state_->im_start; }
TokenId Tokenizer::im_end_id() const { return state_->im_end; }
TokenId Tokenizer::id_of_piece(std::string_view piece) const { return state_->exact_id(piece); }
bool Tokenizer::adds_space_before() const { return state_->space_before; }
const std::string& Tokenizer::fingerprint() const { return state_->fingerprint; }
const std::string& Tokenizer::model_proto() const { return state_->proto; }

void Tokenizer::save(const fs::path& folder) const {
  write_file_atomic(folder / "tokenizer.model", state_->proto);
}

}  // namespace anneal
