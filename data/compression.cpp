#include "data/compression.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <zlib.h>
#include <zstd.h>

#include "base/error.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kBlock = 1 << 18;
constexpr const char* kDamagedHint = "the file is cut short or damaged: copy or download it again";

class PlainStream : public ByteStream {
 public:
  explicit PlainStream(const fs::path& path) : path_(path) {
    if (fs::is_directory(path)) {
      throw DataError(fmt::format("cannot read {}: it is a folder, a file is expected", path.string()));
    }
    file_.reset(std::fopen(path.c_str(), "rb"));
    if (!file_) throw DataError(fmt::format("cannot open {}: {}", path.string(), std::strerror(errno)));
  }
  std::size_t read(char* out, std::size_t size) override {
    const std::size_t got = std::fread(out, 1, size, file_.get());
    if (got == 0 && std::ferror(file_.get())) {
      throw DataError(fmt::format("cannot read {}: {}", path_.string(), std::strerror(errno)));
    }
    return got;
  }
  void rewind() { std::rewind(file_.get()); }
  const fs::path& path() const { return path_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  fs::path path_;
  std::unique_ptr<std::FILE, Close> file_;
};

class GzipStream : public ByteStream {
 public:
  explicit GzipStream(std::unique_ptr<PlainStream> packed) : packed_(std::move(packed)), in_(kBlock) {
    if (::inflateInit2(&z_, 15 + 16) != Z_OK) throw DataError("cannot start zlib");
  }
  ~GzipStream() override { ::inflateEnd(&z_); }
  std::size_t read(char* out, std::size_t size) override {
    size = std::min<std::size_t>(size, 1u << 30);
    z_.next_out = reinterpret_cast<Bytef*>(out);
    z_.avail_out = static_cast<uInt>(size);
    while (z_.avail_out == size) {
      if (z_.avail_in == 0) {
        z_.avail_in = static_cast<uInt>(packed_->read(in_.data(), in_.size()));
        z_.next_in = reinterpret_cast<Bytef*>(in_.data());
        if (z_.avail_in == 0) {
          if (between_members_) return 0;
          throw DataError(fmt::format("cannot unpack {}: the gzip stream ends before its end mark",
                                      packed_->path().string()), kDamagedHint);
        }
      }
      if (between_members_) ::inflateReset(&z_);  // gzip files may be concatenated
      between_members_ = false;
      const int status = ::inflate(&z_, Z_NO_FLUSH);
      if (status == Z_STREAM_END) {
        between_members_ = true;
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        throw DataError(fmt::format("cannot unpack {}: gzip stream is damaged ({})",
                                    packed_->path().string(), z_.msg ? z_.msg : "unknown reason"),
                        kDamagedHint);
      }
    }
    return size - z_.avail_out;
  }

 private:
  std::unique_ptr<PlainStream> packed_;
  std::vector<char> in_;
  z_stream z_{};
  bool between_members_ = false;
};

class ZstdStream : public ByteStream {
 public:
  explicit ZstdStream(std::unique_ptr<PlainStream> packed)
      : packed_(std::move(packed)), in_(kBlock), context_(::ZSTD_createDStream()) {
    if (!context_) throw DataError("cannot start zstd");
  }
  std::size_t read(char* out, std::size_t size) override {
    ZSTD_outBuffer output{out, size, 0};
    while (output.pos == 0) {
      if (input_.pos == input_.size) {
        const std::size_t got = packed_->read(in_.data(), in_.size());
        if (got == 0) {
          // a decoder that has more to give than it could write shows it by an output
          if (pending_ != 0) {
            input_ = {in_.data(), 0, 0};
            const std::size_t left = ::ZSTD_decompressStream(context_.get(), &output, &input_);
            if (!::ZSTD_isError(left) && output.pos > 0) {
              pending_ = left;
              return output.pos;
            }
            throw DataError(fmt::format("cannot unpack {}: the zstd frame ends before its end mark",
                                        packed_->path().string()), kDamagedHint);
          }
          return 0;
        }
        input_ = {in_.data(), got, 0};
      }
      pending_ = ::ZSTD_decompressStream(context_.get(), &output, &input_);
      if (::ZSTD_isError(pending_)) {
        throw DataError(fmt::format("cannot unpack {}: zstd frame is damaged ({})",
                                    packed_->path().string(), ::ZSTD_getErrorName(pending_)),
                        kDamagedHint);
      }
    }
    return output.pos;
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ::ZSTD_freeDStream(stream); }
  };
  std::unique_ptr<PlainStream> packed_;
  std::vector<char> in_;
  std::unique_ptr<ZSTD_DStream, Free> context_;
  ZSTD_inBuffer input_{nullptr, 0, 0};
  std::size_t pending_ = 0;  // 0: at the border of a frame
};

}  // namespace

std::unique_ptr<ByteStream> open_stream(const fs::path& path) {
  auto plain = std::make_unique<PlainStream>(path);
  unsigned char magic[4] = {};
  const std::size_t got = plain->read(reinterpret_cast<char*>(magic), sizeof magic);
  plain->rewind();
  const std::string extension = path.extension().string();
  const bool gzip = got >= 2 && magic[0] == 0x1F && magic[1] == 0x8B;
  const bool zstd = got == 4 && magic[0] == 0x28 && magic[1] == 0xB5 && magic[2] == 0x2F && magic[3] == 0xFD;
  if ((extension == ".gz" && !gzip) || (extension == ".zst" && !zstd)) {
    throw DataError(fmt::format("cannot unpack {}: it does not begin like a {} file", path.string(),
                                extension == ".gz" ? "gzip" : "zstd"), kDamagedHint);
  }
  if (gzip) return std::make_unique<GzipStream>(std::move(plain));
  if (zstd) return std::make_unique<ZstdStream>(std::move(plain));
  return plain;
}

std::string read_unpacked(const fs::path& path, std::size_t limit) {
  auto stream = open_stream(path);
  std::string bytes;
  while (bytes.size() < limit) {
    const std::size_t old = bytes.size();
    const std::size_t want = std::min(limit - old, kBlock);
    bytes.resize(old + want);
    const std::size_t got = stream->read(bytes.data() + old, want);
    bytes.resize(old + got);
    if (got == 0) break;
  }
  return bytes;
}

LineReader::LineReader(const fs::path& path) : path_(path), stream_(open_stream(path)) {
  while (end_ < 3 && refill()) {
  }
  if (std::string_view(buffer_).substr(0, end_).starts_with("\xEF\xBB\xBF")) begin_ = 3, next_offset_ = 3;
}

bool LineReader::refill() {
  if (at_end_) return false;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < kBlock) buffer_.resize(std::max(buffer_.size() * 2, end_ + kBlock));
  const std::size_t got = stream_->read(buffer_.data() + end_, buffer_.size() - end_);
  end_ += got;
  at_end_ = got == 0;
  return got > 0;
}

std::optional<std::string_view> LineReader::next() {
  std::size_t searched = 0;
  for (;;) {
    const void* feed = std::memchr(buffer_.data() + begin_ + searched, '\n', end_ - begin_ - searched);
    std::size_t length = 0;
    std::size_t taken = 0;
    if (feed) {
      length = static_cast<std::size_t>(static_cast<const char*>(feed) - buffer_.data()) - begin_;
      taken = length + 1;
    } else {
      searched = end_ - begin_;
      if (refill()) continue;
      if (begin_ == end_) return std::nullopt;
      length = taken = end_ - begin_;
    }
    std::string_view line(buffer_.data() + begin_, length);
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++line_number_;
    offset_ = next_offset_;
    next_offset_ += static_cast<std::int64_t>(taken);
    begin_ += taken;
    return line;
  }
}

std::string LineReader::where() const { return fmt::format("{}:{}", path_.string(), line_number_); }

}  // namespace anneal
