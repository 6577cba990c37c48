#include "data/tokenizer_llama2c.h"

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/files.h"
#include "data/tokenizer_proto.h"

namespace anneal {

namespace {
constexpr int kFirstByte = 3, kFirstPiece = 259;
}

Tokenizer from_llama2c(const std::filesystem::path& path) {
  const std::string file = read_file(path);
  std::size_t at = 0;
  const auto fail = [&](const std::string& what) -> DataError {
    return DataError(fmt::format("{} is not a whole llama2.c tokenizer: {} at byte {} of {}", path.string(),
                                 what, at, file.size()),
                     "copy the file again; its tokens are float score, int32 length, bytes");
  };
  const auto take = [&](void* out, std::size_t size) {
    if (file.size() - at < size) throw fail("it ends inside a token");
    std::memcpy(out, file.data() + at, size);
    at += size;
  };
  std::int32_t longest = 0;
  take(&longest, 4);
  if (longest <= 0 || longest > 4096) throw fail(fmt::format("a longest token of {} bytes", longest));

  std::vector<ModelPiece> pieces;
  std::int32_t longest_seen = 0;
  while (at < file.size()) {
    ModelPiece piece;
    std::int32_t length = 0;
    take(&piece.score, 4);
    take(&length, 4);
    if (length < 0 || length > longest || !std::isfinite(piece.score)) throw fail("a damaged token");
    std::string bytes(static_cast<std::size_t>(length), '\0');
    take(bytes.data(), bytes.size());
    longest_seen = std::max(longest_seen, length);
    const int id = static_cast<int>(pieces.size());
    if (id == 0) {
      piece.text = "<unk>", piece.type = PieceType::kUnknown;
    } else if (id < kFirstByte) {
      piece.text = id == 1 ? "<s>" : "</s>", piece.type = PieceType::kControl;
    } else if (id < kFirstPiece) {
      piece.text = fmt::format("<0x{:02X}>", id - kFirstByte), piece.type = PieceType::kByte;
      if (bytes != piece.text) throw fail(fmt::format("token {} is not the byte {}", id, piece.text));
    } else {
      for (const char c : bytes) c == ' ' ? piece.text.append("\xE2\x96\x81") : piece.text.append(1, c);
    }
    pieces.push_back(std::move(piece));
  }
  if (static_cast<int>(pieces.size()) < kFirstPiece) throw fail("it ends before the last byte piece");
  // a file cut between two tokens would pass but for its longest token
  if (longest_seen != longest) throw fail(fmt::format("no token of the stated {} bytes", longest));
  return Tokenizer::from_bytes(make_bpe_model(pieces, /*add_dummy_prefix=*/true), path.string());
}

}  // namespace anneal
