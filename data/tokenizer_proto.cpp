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
              kTrainerBosId = 41, kTrainerEosId = 42, kTrainerPadId = 43, kTrainerSpaceAsSuffix = 24;
constexpr int kNormalizerName = 1, kNormalizerCharMap = 2, kNormalizerAddDummyPrefix = 3, kNormalizerRemoveExtraSpaces = 4,
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

namespace {

/// A field of a message: its number, and its number or bytes.
struct WireField {
  int number = 0;
  std::uint64_t integer = 0;
  std::string_view bytes;
};

/// Takes the next field off a message; nothing if it is cut short or malformed.
std::optional<WireField> take_field(std::string_view& message) {
  const auto key = take_varint(message);
  if (!key) return std::nullopt;
  WireField field;
  field.number = static_cast<int>(*key >> 3);
  std::size_t length = 0;
  switch (*key & 7) {
    case kVarint: {
      const auto value = take_varint(message);
      if (!value) return std::nullopt;
      field.integer = *value;
      return field;
    }
    case kFixed64: length = 8; break;
    case kFixed32: length = 4; break;
    case kBytes: {
      const auto stated = take_varint(message);
      if (!stated) return std::nullopt;
      length = *stated;
      break;
    }
    default: return std::nullopt;
  }
  if (length > message.size()) return std::nullopt;
  field.bytes = message.substr(0, length);
  message.remove_prefix(length);
  return field;
}

}  // namespace

std::string find_model_fault(std::string_view bytes) {
  const std::size_t size = bytes.size();
  bool pieces = false, trainer = false, normalizer = false;
  while (!bytes.empty()) {
    const std::size_t at = size - bytes.size();
    const auto field = take_field(bytes);
    if (!field) return fmt::format("cut short or damaged at byte {}", at);
    pieces |= field->number == kModelPieces;
    trainer |= field->number == kModelTrainer;
    normalizer |= field->number == kModelNormalizer;
  }
  if (!pieces) return "it holds no pieces";
  if (!trainer || !normalizer) return "it ends after the pieces";
  return "";
}

int num_pieces(std::string_view model_proto) {
  int count = 0;
  while (const auto field = take_field(model_proto)) count += field->number == kModelPieces;
  return count;
}

bool keeps_text_as_is(std::string_view model_proto) {
  // defaults of sentencepiece_model.proto
  std::uint64_t model_type = 1, space_as_suffix = 0, remove_extra_spaces = 1, escape_spaces = 1;
  bool char_map = false;
  while (const auto field = take_field(model_proto)) {
    std::string_view message = field->bytes;
    if (field->number == kModelTrainer) {
      while (const auto inner = take_field(message)) {
        if (inner->number == kTrainerModelType) model_type = inner->integer;
        if (inner->number == kTrainerSpaceAsSuffix) space_as_suffix = inner->integer;
      }
    } else if (field->number == kModelNormalizer) {
      while (const auto inner = take_field(message)) {
        if (inner->number == kNormalizerCharMap) char_map = !inner->bytes.empty();
        if (inner->number == kNormalizerRemoveExtraSpaces) remove_extra_spaces = inner->integer;
        if (inner->number == kNormalizerEscapeSpaces) escape_spaces = inner->integer;
      }
    }
  }
  return model_type == 2 && !space_as_suffix && !char_map && !remove_extra_spaces && escape_spaces;
}

}  // namespace anneal
