// A SentencePiece tokenizer (Kudo & Richardson 2018) as a value: copies share the model.
// Piece text writes a space as U+2581; byte pieces are written <0x0A>.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/token_batch.h"  // for TokenId

namespace anneal {

class Tokenizer {
 public:
  /// Loads a .model file, a folder that holds tokenizer.model, or a llama2.c .bin. Throws DataError
  /// for a missing or damaged one, and for a folder that has tokenizer.json only.
  static Tokenizer load(const std::filesystem::path& path);
  /// From the bytes of a SentencePiece ModelProto; `where` is used in messages.
  static Tokenizer from_bytes(std::string model_proto, const std::string& where);

  /// Ids of a text; nothing is added. Safe to call from several threads.
  std::vector<TokenId> encode(std::string_view text) const;
  /// Ids of a text that follows other text: like encode, but without the space that models such as
  /// LLaMA-2's put before a text.
  std::vector<TokenId> encode_continuation(std::string_view text) const;
  /// Text of ids; control tokens are silent; bytes that form no UTF-8 become U+FFFD. For models of
  /// train_tokenizer, decode(encode(x)) == x for every valid UTF-8 text x.
  /// Throws DataError for an id outside the vocabulary.
  std::string decode(std::span<const TokenId> ids) const;

  int vocab_size() const;
  TokenId bos_id() const;  ///< -1 if there is none; so are the others
  TokenId eos_id() const;
  TokenId unk_id() const;
  TokenId pad_id() const;
  TokenId im_start_id() const;  ///< "<|im_start|>"
  TokenId im_end_id() const;    ///< "<|im_end|>"
  /// Id of a piece by its text in the model, -1 if there is none.
  TokenId id_of_piece(std::string_view piece) const;
  /// The exact bytes the token appends to the text: a space for U+2581, "\n" for <0x0A>, nothing for
  /// control tokens (and what the model shows for an unknown one).
  const std::string& piece_bytes(TokenId id) const;
  /// True for models that put a space before the text (LLaMA-2); decode takes it off again.
  bool adds_space_before() const;

  /// Of the model's bytes: equal for equal models wherever they lie.
  const std::string& fingerprint() const;
  /// The model's bytes (a SentencePiece ModelProto).
  const std::string& model_proto() const;
  /// Writes <folder>/tokenizer.model. Throws DataError.
  void save(const std::filesystem::path& folder) const;

 private:
  struct State;
  explicit Tokenizer(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace anneal
