// What every kind of tokenizer (SentencePiece, byte-pair encoding) offers to the value type
// Tokenizer.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/token_batch.h"  // for TokenId

namespace anneal {

/// U+2581: stands for a space in the pieces of SentencePiece and of LLaMA-2's tokenizer.json.
inline constexpr std::string_view kSpacePiece = "\xE2\x96\x81";

struct TokenizerModel {
  virtual ~TokenizerModel() = default;
  /// Ids of a text; nothing is added. Safe to call from several threads. Throws DataError.
  virtual std::vector<TokenId> encode(std::string_view text) const = 0;
  /// Id of a piece by its text in the model's file, -1 if there is none.
  virtual TokenId id_of_piece(std::string_view piece) const = 0;
  /// Writes the model's files into `folder` (write_tokenizer_files). Throws DataError.
  virtual void save(const std::filesystem::path& folder) const = 0;

  std::vector<std::string> bytes;  ///< by id: what the token appends to a text
  TokenId bos = -1, eos = -1, unk = -1, pad = -1, im_start = -1, im_end = -1;
  bool space_before = false;  ///< puts a space before a text, which decoding takes off again
  std::string fingerprint, note;
  std::string proto;  ///< a SentencePiece ModelProto, or ""
};

/// Writes the files (name, content) and removes other tokenizer files of the folder, which would be
/// found instead. Throws DataError.
void write_tokenizer_files(const std::filesystem::path& folder,
                           const std::vector<std::pair<std::string, std::string>>& files);

}  // namespace anneal
