#include "data/token_shard.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/fingerprint.h"
#include "base/text.h"
#include "data/hdf5_file.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

constexpr const char* kFormat = "anneal-tokens";
constexpr std::int64_t kVersion = 1;
constexpr std::size_t kShardTokens = std::size_t{16} << 20;
constexpr const char* kAgainHint = "run `anneal prepare` again";

}  // namespace

struct TokenShardWriter::Buffers {
  std::vector<TokenId> tokens;
  std::vector<std::uint8_t> loss, whole;
  std::vector<std::uint64_t> offsets = {0};
  std::vector<std::uint16_t> source;
  std::vector<std::int32_t> next;
  bool any_loss_free = false, any_whole = false;
};

TokenShardWriter::TokenShardWriter(fs::path folder, std::string stem, std::string split, int vocab_size,
                                   std::string tokenizer_fingerprint)
    : buffers_(std::make_unique<Buffers>()), folder_(std::move(folder)), stem_(std::move(stem)),
      split_(std::move(split)), vocab_size_(vocab_size), tokenizer_fingerprint_(std::move(tokenizer_fingerprint)) {}

TokenShardWriter::~TokenShardWriter() = default;

void TokenShardWriter::add(const ShardDocument& document) {
  if (document.tokens.empty()) return;
  auto& b = *buffers_;
  b.tokens.insert(b.tokens.end(), document.tokens.begin(), document.tokens.end());
  if (document.loss.empty()) {
    b.loss.insert(b.loss.end(), document.tokens.size(), 1);
  } else {
    b.loss.insert(b.loss.end(), document.loss.begin(), document.loss.end());
    b.any_loss_free |= std::find(document.loss.begin(), document.loss.end(), 0) != document.loss.end();
  }
  b.offsets.push_back(b.tokens.size());
  b.source.push_back(document.source);
  b.next.push_back(document.next);
  b.whole.push_back(document.whole);
  b.any_whole |= document.whole;
  if (b.tokens.size() >= kShardTokens && split_ == "train") write_shard();
}

std::vector<ShardFile> TokenShardWriter::finish() {
  if (buffers_->offsets.size() > 1) write_shard();
  return files_;
}

void TokenShardWriter::write_shard() {
  const auto& b = *buffers_;
  ShardFile file;
  file.name = split_ == "train" ? fmt::format("{}-{:05}.h5", stem_, files_.size()) : stem_ + ".h5";
  file.split = split_;
  file.documents = static_cast<std::int64_t>(b.source.size());
  file.tokens = static_cast<std::int64_t>(b.tokens.size());
  file.has_whole = b.any_whole;

  TemporaryPath name(folder_ / file.name);
  Hdf5Writer out(name.temporary());
  out.set_attribute("format", kFormat);
  out.set_attribute("version", kVersion);
  out.set_attribute("vocab_size", static_cast<std::int64_t>(vocab_size_));
  out.set_attribute("tokenizer", tokenizer_fingerprint_);
  if (vocab_size_ < 65536) {
    const std::vector<std::uint16_t> narrow(b.tokens.begin(), b.tokens.end());
    out.write("tokens", narrow);
  } else {
    out.write("tokens", b.tokens);
  }
  out.write("offsets", b.offsets);
  out.write("source", b.source);
  out.write("next", b.next);
  if (b.any_whole) out.write("whole", b.whole);
  if (b.any_loss_free) out.write("loss", b.loss);
  out.close();  // synced
  file.bytes = static_cast<std::int64_t>(fs::file_size(name.temporary()));
  file.fingerprint = fingerprint_file(name.temporary());
  name.commit();
  files_.push_back(std::move(file));
  *buffers_ = {};
}

TokenShard::TokenShard(const fs::path& folder, const ShardFile& expected, int vocab_size) {
  const fs::path path = folder / expected.name;
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  if (error) throw DataError(fmt::format("cannot open shard {}: {}", path.string(), error.message()), kAgainHint);
  if (static_cast<std::int64_t>(bytes) != expected.bytes) {
    throw DataError(fmt::format("shard {} is damaged: {} bytes, expected {}", path.string(),
                                with_commas(static_cast<std::int64_t>(bytes)), with_commas(expected.bytes)),
                    kAgainHint);
  }
  const Hdf5Reader file(path);
  const auto damaged = [&](const std::string& what) {
    return DataError(fmt::format("shard {} is damaged: {}", path.string(), what), kAgainHint);
  };
  if (file.string_attribute("format") != kFormat) throw damaged("it holds no tokens");
  if (const auto version = file.integer_attribute("version"); version != kVersion) {
    throw DataError(fmt::format("shard {} has version {}, this program reads {}", path.string(), version, kVersion),
                    kAgainHint);
  }
  if (const auto found = file.integer_attribute("vocab_size"); found != vocab_size) {
    throw damaged(fmt::format("a vocabulary of {} pieces, expected {}", found, vocab_size));
  }

  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  void* map = fd < 0 ? MAP_FAILED : ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
  const int reason = errno;
  if (fd >= 0) ::close(fd);
  if (map == MAP_FAILED) throw DataError(fmt::format("cannot map shard {}: {}", path.string(), std::strerror(reason)));
  map_ = map;
  map_size_ = bytes;
  try {
    const auto bind = [&]<class T>(const std::string& name, ElementType type, std::int64_t count, std::span<const T>& out) {
      const Hdf5Array array = file.array(name);
      if (array.type != type || array.count != static_cast<std::uint64_t>(count)) {
        throw damaged(fmt::format("array '{}' has {} elements, expected {}", name, array.count, count));
      }
      if (array.offset % alignof(T) != 0 || array.offset > bytes || array.count > (bytes - array.offset) / sizeof(T)) {
        throw damaged(fmt::format("array '{}' lies outside the file", name));
      }
      out = {reinterpret_cast<const T*>(static_cast<const char*>(map_) + array.offset), array.count};
    };
    if (vocab_size < 65536) bind("tokens", ElementType::kUint16, expected.tokens, narrow_);
    else bind("tokens", ElementType::kInt32, expected.tokens, wide_);
    bind("offsets", ElementType::kUint64, expected.documents + 1, offsets_);
    bind("source", ElementType::kUint16, expected.documents, source_);
    bind("next", ElementType::kInt32, expected.documents, next_);
    if (file.has("whole")) bind("whole", ElementType::kUint8, expected.documents, whole_);
    if (file.has("loss")) bind("loss", ElementType::kUint8, expected.tokens, loss_);
    if (offsets_.front() != 0 || offsets_.back() != static_cast<std::uint64_t>(expected.tokens)) {
      throw damaged("its document offsets do not span its tokens");
    }
  } catch (...) {
    ::munmap(map_, map_size_);
    throw;
  }
}

TokenShard::~TokenShard() {
  if (map_) ::munmap(map_, map_size_);
}

void verify_shard(const fs::path& folder, const ShardFile& expected) {
  const fs::path path = folder / expected.name;
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  if (error) throw DataError(fmt::format("cannot open shard {}: {}", path.string(), error.message()), kAgainHint);
  const std::string found = fingerprint_file(path);
  if (found != expected.fingerprint) {
    throw DataError(fmt::format("shard {} is damaged: fingerprint {} of {} bytes, expected {} of {}", path.string(),
                                found, bytes, expected.fingerprint, expected.bytes),
                    kAgainHint);
  }
}

}  // namespace anneal
