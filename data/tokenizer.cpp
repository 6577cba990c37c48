#include "data/tokenizer.h"

#include <algorithm>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "data/tokenizer_json.h"
#include "data/tokenizer_llama2c.h"
#include "data/tokenizer_model.h"
#include "data/tokenizer_proto.h"  // for num_pieces
#include "data/tokenizer_sentencepiece.h"
#include "data/tokenizer_tiktoken.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

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

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

}  // namespace

void write_tokenizer_files(const fs::path& folder,
                           const std::vector<std::pair<std::string, std::string>>& files) {
  for (const auto& [name, content] : files) write_file_atomic(folder / name, content);
  for (const char* other : {"tokenizer.model", "tokenizer.json", "tokenizer_config.json"}) {
    std::error_code ignored;
    const auto same = [&](const auto& file) { return file.first == other; };
    if (std::none_of(files.begin(), files.end(), same)) fs::remove(folder / other, ignored);
  }
}

fs::path tokenizer_file(const fs::path& folder) {
  const fs::path model = folder / "tokenizer.model", json = folder / "tokenizer.json";
  if (!is_file(json)) return is_file(model) ? model : fs::path();
  if (!is_file(model)) return json;
  // transformers writes tokens that were added to a SentencePiece model into tokenizer.json only
  const std::string bytes = read_file(model);
  if (looks_like_tiktoken(bytes)) return model;
  return last_added_token(json) >= num_pieces(bytes) ? json : model;
}

Tokenizer Tokenizer::load(const fs::path& path) {
  fs::path file = path;
  if (fs::is_directory(path)) {
    file = tokenizer_file(path);
    if (file.empty()) {
      throw DataError(fmt::format("folder {} holds no tokenizer.model and no tokenizer.json", path.string()),
                      "set tokenizer.path to such a file, or to a folder with one");
    }
  } else if (!fs::exists(path)) {
    throw DataError(fmt::format("tokenizer {} does not exist", path.string()),
                    "set tokenizer.path to a SentencePiece or tiktoken .model file or a tokenizer.json, or "
                    "train one with `anneal tokenizer train`");
  }
  if (file.extension() == ".bin") return from_llama2c(file);
  if (file.extension() == ".json") return Tokenizer(read_tokenizer_json(file));
  std::string bytes = read_file(file);
  if (looks_like_tiktoken(bytes)) return Tokenizer(read_tiktoken(bytes, file.string()));
  return from_bytes(std::move(bytes), file.string());
}

Tokenizer Tokenizer::from_bytes(std::string model_proto, const std::string& where) {
  return Tokenizer(make_sentencepiece_tokenizer(std::move(model_proto), where));
}

std::vector<TokenId> Tokenizer::encode(std::string_view text) const { return model_->encode(text); }

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
    if (at_start && model_->space_before && bytes.front() == ' ' && id != unk_id()) bytes.remove_prefix(1);
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
  return model_->bytes[static_cast<std::size_t>(id)];
}

int Tokenizer::vocab_size() const { return static_cast<int>(model_->bytes.size()); }
TokenId Tokenizer::bos_id() const { return model_->bos; }
TokenId Tokenizer::eos_id() const { return model_->eos; }
TokenId Tokenizer::unk_id() const { return model_->unk; }
TokenId Tokenizer::pad_id() const { return model_->pad; }
TokenId Tokenizer::im_start_id() const { return model_->im_start; }
TokenId Tokenizer::im_end_id() const { return model_->im_end; }
TokenId Tokenizer::id_of_piece(std::string_view piece) const { return model_->id_of_piece(piece); }
bool Tokenizer::adds_space_before() const { return model_->space_before; }
const std::string& Tokenizer::fingerprint() const { return model_->fingerprint; }
const std::string& Tokenizer::note() const { return model_->note; }
const std::string& Tokenizer::model_proto() const { return model_->proto; }
void Tokenizer::save(const fs::path& folder) const { model_->save(folder); }

}  // namespace anneal
