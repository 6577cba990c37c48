// The few parts of protobuf's wire format (protobuf.dev/programming-guides/encoding) that a
// SentencePiece ModelProto (sentencepiece_model.proto) needs: the distribution ships no .pb.h for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace anneal {

/// Piece types of sentencepiece_model.proto.
enum class PieceType { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

struct ModelPiece {
  std::string text;  ///< a space is written U+2581
  float score = 0;
  PieceType type = PieceType::kNormal;
};

/// Bytes of a BPE ModelProto with byte fallback: identity normalisation, unk 0, <s> 1, </s> 2.
std::string make_bpe_model(const std::vector<ModelPiece>& pieces, bool add_dummy_prefix);

/// Why the bytes cannot be a whole ModelProto (pieces, trainer and normalizer present, every length
/// kept), or "" if they can. SentencePiece itself takes a file cut at the border of a piece for whole.
std::string find_model_fault(std::string_view bytes);

/// Pieces of a ModelProto; 0 for other bytes.
int num_pieces(std::string_view model_proto);

/// True for BPE models that take the text as it is (no character map, no spaces removed, a space
/// written U+2581 in front of its word): the condition for tokenizing word by word.
bool keeps_text_as_is(std::string_view model_proto);

}  // namespace anneal
