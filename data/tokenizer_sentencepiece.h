// A SentencePiece model (Kudo & Richardson 2018). Piece text writes a space as U+2581; byte pieces
// are written <0x0A>.
#pragma once

#include <memory>
#include <string>

#include "data/tokenizer_model.h"

namespace anneal {

/// From the bytes of a ModelProto; `where` is used in messages. Throws DataError for a damaged one.
std::shared_ptr<const TokenizerModel> make_sentencepiece_tokenizer(std::string model_proto,
                                                                   const std::string& where);

}  // namespace anneal
