#include "cif/byte_source.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace anneal {

ByteSource::ByteSource(std::filesystem::path path) : path_(std::move(path)) {
  if (std::filesystem::is_directory(path_)) {
    throw DataError(
        fmt::format("cannot read {}: it is a folder, a file is expected", path_.string()));
  }
  errno = 0;
  file_ = ::gzopen(path_.c_str(), "rb");
  if (file_ == nullptr) {
    throw DataError(
        fmt::format("cannot open {}: {}", path_.string(), std::strerror(errno ? errno : ENOMEM)),
        "check the path; relative paths start at the folder the command is called from");
  }
  ::gzbuffer(static_cast<gzFile>(file_), 1 << 17);
}

ByteSource::~ByteSource() { ::gzclose(static_cast<gzFile>(file_)); }

std::size_t ByteSource::read(char* bytes, std::size_t size) {
  const int got = ::gzread(static_cast<gzFile>(file_), bytes,
                           static_cast<unsigned>(std::min<std::size_t>(size, 1 << 30)));
  int code = Z_OK;
  const char* message = ::gzerror(static_cast<gzFile>(file_), &code);
  if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) {
    throw DataError(fmt::format("cannot read {}: {}", path_.string(),
                                code == Z_ERRNO ? std::strerror(errno) : message),
                    "the file seems to be damaged or cut off");
  }
  return static_cast<std::size_t>(got);
}

bool ByteSource::read_line(std::string& line) {
  line.clear();
  while (true) {
    const auto end = buffer_.find('\n', position_);
    if (end != std::string::npos) {
      line.append(buffer_, position_, end - position_);
      position_ = end + 1;
      break;
    }
    line.append(buffer_, position_);
    buffer_.resize(1 << 16);
    buffer_.resize(read(buffer_.data(), buffer_.size()));
    position_ = 0;
    if (buffer_.empty()) {
      if (line.empty()) return false;
      break;
    }
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return true;
}

std::string read_all(const std::filesystem::path& path, std::size_t max_bytes) {
  ByteSource source(path);
  std::string content;
  for (std::size_t size = 0;;) {
    content.resize(std::max<std::size_t>(1 << 14, 2 * size));
    const std::size_t got = source.read(content.data() + size, content.size() - size);
    size += got;
    if (size > max_bytes) {
      throw DataError(fmt::format("{} holds more than {} bytes", path.string(), max_bytes));
    }
    if (got == 0) {
      content.resize(size);
      return content;
    }
  }
}

}  // namespace anneal
