#include "data/tokenizer_sentencepiece.h"

#include <sentencepiece_processor.h>

#include "base/error.h"
#include "base/fingerprint.h"
#include "data/tokenizer_proto.h"
#include "data/word_cache.h"

namespace anneal {

namespace {

struct SentencePieceModel : TokenizerModel {
  SentencePieceModel(std::string model_proto, const std::string& where);
  std::vector<TokenId> encode(std::string_view text) const override;
  TokenId id_of_piece(std::string_view piece) const override { return exact_id(piece); }
  void save(const std::filesystem::path& folder) const override {
    write_tokenizer_files(folder, {{"tokenizer.model", proto}});
  }

 private:
  sentencepiece::SentencePieceProcessor processor;
  std::vector<TokenId> space_mark_bytes;  // the byte pieces of a literal U+2581, if they are exact
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

SentencePieceModel::SentencePieceModel(std::string model_proto, const std::string& where) {
  proto = std::move(model_proto);
  const std::string fault = find_model_fault(proto);
  const auto status = fault.empty() ? processor.LoadFromSerializedProto(proto)
                                    : sentencepiece::util::Status();
  if (!fault.empty() || !status.ok()) {
    throw DataError(fmt::format("{} is not a whole SentencePiece model ({} bytes): {}", where,
                                proto.size(), fault.empty() ? status.ToString() : fault),
                    "copy the file again, or train a tokenizer with `anneal tokenizer train`");
  }
  fingerprint = anneal::fingerprint(proto);
  bos = processor.bos_id(), eos = processor.eos_id();
  unk = processor.unk_id(), pad = processor.pad_id();

  const auto& sp = processor;
  for (int id = 0; id < sp.GetPieceSize(); ++id) {
    const std::string& piece = sp.IdToPiece(id);
    std::string text;
    if (sp.IsByte(id)) {
      text.push_back(static_cast<char>(std::stoi(piece.substr(3, 2), nullptr, 16)));
    } else if (sp.IsUnknown(id)) {
      sp.Decode(std::vector<int>{id}, &text).IgnoreError();
    } else if (!sp.IsControl(id)) {
      std::string_view rest = piece;
      while (!rest.empty()) {
        const bool mark = rest.starts_with(kSpacePiece);
        text.push_back(mark ? ' ' : rest.front());
        rest.remove_prefix(mark ? kSpacePiece.size() : 1);
      }
    }
    bytes.push_back(std::move(text));
  }
  im_start = exact_id("<|im_start|>");
  im_end = exact_id("<|im_end|>");
  std::vector<std::string> probe;
  if (sp.Encode("a", &probe).ok() && !probe.empty()) space_before = probe[0].starts_with(kSpacePiece);
  // SentencePiece cannot tell a literal U+2581 from a space; with byte pieces it can be kept
  for (const std::string_view byte : {"<0xE2>", "<0x96>", "<0x81>"}) {
    const TokenId id = exact_id(byte);
    if (id >= 0 && !space_before) space_mark_bytes.push_back(id);
  }
  if (space_mark_bytes.size() != 3) space_mark_bytes.clear();
  find_word_borders();
}

/// Words may be taken one by one if no piece leads from a word into the space after it; line feeds,
/// if they are a symbol of their own and in no other piece.
void SentencePieceModel::find_word_borders() {
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
std::size_t SentencePieceModel::word_end(std::string_view text) const {
  if (line_feed_alone && text.front() == '\n') return 1;
  std::size_t end = 0;
  while (end < text.size() && text[end] == ' ') ++end;
  while (end < text.size() && text[end] != ' ' && !(line_feed_alone && text[end] == '\n')) ++end;
  return end;
}

void SentencePieceModel::append_part(std::string_view part, bool at_start, std::vector<TokenId>& ids) const {
  // the model itself puts the first space of a word there, if it does so before a text
  if (space_before && !at_start) part.remove_prefix(1);
  std::vector<int> found;
  const auto status = processor.Encode(part, &found);
  if (!status.ok()) throw DataError(fmt::format("cannot tokenize: {}", status.ToString()));
  ids.insert(ids.end(), found.begin(), found.end());
}

void SentencePieceModel::append(std::string_view text, std::vector<TokenId>& ids) const {
  // a space at the end has no word to be put before; a literal U+2581 is one more space to SentencePiece
  if (!by_word || (space_before && text.ends_with(' ')) || text.find(kSpacePiece) != std::string_view::npos) {
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

std::vector<TokenId> SentencePieceModel::encode(std::string_view text) const {
  std::vector<TokenId> ids;
  for (;;) {
    const std::size_t mark = space_mark_bytes.empty() ? std::string_view::npos : text.find(kSpacePiece);
    append(text.substr(0, mark), ids);
    if (mark == std::string_view::npos) return ids;
    ids.insert(ids.end(), space_mark_bytes.begin(), space_mark_bytes.end());
    text.remove_prefix(mark + kSpacePiece.size());
  }
}

}  // namespace

std::shared_ptr<const TokenizerModel> make_sentencepiece_tokenizer(std::string model_proto,
                                                                   const std::string& where) {
  return std::make_shared<SentencePieceModel>(std::move(model_proto), where);
}

}  // namespace anneal
