// A tokenizer as a value: copies share the model. Read are SentencePiece models (LLaMA-2), tiktoken
// files and tokenizer.json of type BPE (LLaMA-3), and llama2.c's.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/token_batch.h"  // for TokenId

namespace anneal {

struct TokenizerModel;  // one kind of tokenizer: tokenizer_model.h

class Tokenizer {
 public:
  /// Loads a .model file (SentencePiece or tiktoken, told apart by content), a tokenizer.json, a
  /// llama2.c .bin, or the one that tokenizer_file() finds in a folder. Throws DataError for a missing
  /// or damaged one.
  static Tokenizer load(const std::filesystem::path& path);
  /// From the bytes of a SentencePiece ModelProto; `where` is used in messages.
  static Tokenizer from_bytes(std::string model_proto, const std::string& where);

  /// Ids of a text; nothing is added. Safe to call from several threads. Throws DataError, from
  /// byte-pair tokenizers also for a text that is not valid UTF-8.
  std::vector<TokenId> encode(std::string_view text) const;
  /// Ids of a text that follows other text: like encode, but without the space that models such as
  /// LLaMA-2's put before a text.
  std::vector<TokenId> encode_continuation(std::string_view text) const;
  /// Text of ids; control tokens are silent; bytes that form no UTF-8 become U+FFFD. For models of
  /// train_tokenizer and byte-level ones, decode(encode(x)) == x for every valid UTF-8 text x (that
  /// holds no control token and, with a normalizer, is in its form).
  /// Throws DataError for an id outside the vocabulary.
  std::string decode(std::span<const TokenId> ids) const;

  int vocab_size() const;
  TokenId bos_id() const;  ///< -1 if there is none; so are the others
  TokenId eos_id() const;
  TokenId unk_id() const;
  TokenId pad_id() const;
  TokenId im_start_id() const;  ///< "<|im_start|>"; -1: the marker is plain text (LLaMat-3), as is the next
  TokenId im_end_id() const;    ///< "<|im_end|>"
  /// Id of a piece by its text in the model, -1 if there is none.
  TokenId id_of_piece(std::string_view piece) const;
  /// The exact bytes the token appends to the text: a space for U+2581, "\n" for <0x0A>, nothing for
  /// control tokens (and what the model shows for an unknown one). Of byte-level tokenizers they may
  /// be a part of a character.
  const std::string& piece_bytes(TokenId id) const;
  /// True for models that put a space before the text (LLaMA-2); decode takes it off again.
  bool adds_space_before() const;

  /// Of what the model does: equal for equal models wherever they lie.
  const std::string& fingerprint() const;
  /// What a user should know about this model (bytes that it cannot write), "" if nothing.
  const std::string& note() const;
  /// The model's bytes if it is a SentencePiece ModelProto, else "".
  const std::string& model_proto() const;
  /// Writes <folder>/tokenizer.model, or tokenizer.json (and tokenizer_config.json) for one that was
  /// read from there; tokenizer files of another kind in the folder are removed. Throws DataError.
  void save(const std::filesystem::path& folder) const;

 private:
  explicit Tokenizer(std::shared_ptr<const TokenizerModel> model) : model_(std::move(model)) {}
  std::shared_ptr<const TokenizerModel> model_;
};

/// The tokenizer file of a model's folder: tokenizer.model, or tokenizer.json where there is none or
/// where it has added tokens that the SentencePiece model lacks; "" if there is neither.
std::filesystem::path tokenizer_file(const std::filesystem::path& folder);

}  // namespace anneal
