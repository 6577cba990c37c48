#include "data/tokenizer_proto.h"

#include <cstring>
#include <optional>

#include <fmt/core.h>

namespace anneal {

namespace {

// wire types
constexpr int kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;

// fields of sentencepiece_model.proto
constexpr int kModelPieces = 1, kModelTrainer = 2, kModelNormalizer = 3;
constexpr int kPieceText = 1, kPieceScore = 2, kPieceType = 3;
constexpr int kTrainerModelType = 3, kTrainerVocabSize = 4, kTrainerByteFallback = 35, kTrainerUnkId = 40,
              kTrainerBosId = 41, kTrainerEosId = 42, kTrainerPadId = 43;
constexpr int kNormalizerName = 1, kNormalizerAddDummyPrefix = 3, kNormalizerRemoveExtraSpaces = 4,
              kNormalizerEscapeSpaces = 5;

class WireWriter {
 public:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_.push_back(static_cast<char>(value | 0x80));
    out_.push_back(static_cast<char>(value));
  }
  /// Negative numbers take ten bytes, as the format demands.
  void integer(int field, std::int64_t value) {
    key(field, kVarint);
    varint(static_cast<std::uint64_t>(value));
  }
  void real(int field, float value) {
    key(field, kFixed32);
    char raw[4];
    std::memcpy(raw, &value, 4);
    out_.append(raw, 4);
  }
  void bytes(int field, std::string_view value) {
    key(field, kBytes);
    varint(value.size());
    out_.append(value);
  }
  const std::string& out() const { return out_; }

 private:
  void key(int field, int type) { varint(static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(type)); }
  std::string out_;
};

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

}  // namespace

std::string make_bpe_model(const std::vector<ModelPiece>& pieces, bool add_dummy_prefix) {
  WireWriter model;
  for (const auto& piece : pieces) {
    WireWriter one;
    one.bytes(kPieceText, piece.text);
    one.real(kPieceScore, piece.score);
    one.integer(kPieceType, static_cast<int>(piece.type));
    model.bytes(kModelPieces, one.out());
  }
  WireWriter trainer;
  trainer.integer(kTrainerModelType, /*BPE*/ 2);
  trainer.integer(kTrainerVocabSize, static_cast<std::int64_t>(pieces.size()));
  trainer.integer(kTrainerByteFallback, 1);
  trainer.integer(kTrainerUnkId, 0);
  trainer.integer(kTrainerBosId, 1);
  trainer.integer(kTrainerEosId, 2);
  trainer.integer(kTrainerPadId, -1);
  model.bytes(kModelTrainer, trainer.out());
  WireWriter normalizer;
  normalizer.bytes(kNormalizerName, "identity");
  normalizer.integer(kNormalizerAddDummyPrefix, add_dummy_prefix);
  normalizer.integer(kNormalizerRemoveExtraSpaces, 0);
  normalizer.integer(kNormalizerEscapeSpaces, 1);
  model.bytes(kModelNormalizer, normalizer.out());
  return model.out();
}

std::string find_model_fault(std::string_view bytes) {
  const std::size_t size = bytes.size();
  bool pieces = false, trainer = false, normalizer = false;
  while (!bytes.empty()) {
    const std::size_t at = size - bytes.size();
    const auto key = take_varint(bytes);
    if (!key) return fmt::format("damaged at byte {}", at);
    std::size_t length = 0;
    switch (*key & 7) {
      case kVarint: {
        if (!take_varint(bytes)) return fmt::format("cut short at byte {}", at);
        continue;
      }
      case kFixed64: length = 8; break;
      case kFixed32: length = 4; break;
      case kBytes: {
        const auto stated = take_varint(bytes);
        if (!stated) return fmt::format("cut short at byte {}", at);
        length = *stated;
        break;
      }
      default: return fmt::format("not a protobuf message at byte {}", at);
    }
    if (length > bytes.size()) return fmt::format("cut short at byte {}", at);
    bytes.remove_prefix(length);
    pieces |= *key >> 3 == kModelPieces;
    trainer |= *key >> 3 == kModelTrainer;
    normalizer |= *key >> 3 == kModelNormalizer;
  }
  if (!pieces) return "it holds no pieces";
  if (!trainer || !normalizer) return "it ends after the pieces";
  return "";
}

}  // namespace anneal
