// Streams of bytes and lines from plain, gzip (RFC 1952) and zstd (RFC 8878) files, in flat memory.
// Which one it is says the file's first bytes; a .gz or .zst without them is damaged.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace anneal {

/// Unpacked bytes of a file, in order.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// Reads up to `size` bytes, at least one unless the file is at its end (then 0).
  /// Throws DataError if the file cannot be read, is truncated or is damaged.
  virtual std::size_t read(char* out, std::size_t size) = 0;
};

/// Opens a file. Throws DataError if that fails or it is a folder.
std::unique_ptr<ByteStream> open_stream(const std::filesystem::path& path);

/// All unpacked bytes of a file, or the first `limit` of them. Throws DataError.
std::string read_unpacked(const std::filesystem::path& path, std::size_t limit = SIZE_MAX);

/// Lines of a file without their line feed (LF or CR LF) and without a byte order mark.
class LineReader {
 public:
  explicit LineReader(const std::filesystem::path& path);
  /// The next line, valid until the next call; nothing at the end of the file.
  std::optional<std::string_view> next();
  std::int64_t line_number() const { return line_number_; }  ///< of the last line, from 1
  std::int64_t offset() const { return offset_; }            ///< of its first byte, unpacked
  const std::filesystem::path& path() const { return path_; }
  /// "file:line" of the last line.
  std::string where() const;

 private:
  bool refill();
  std::filesystem::path path_;
  std::unique_ptr<ByteStream> stream_;
  std::string buffer_;
  std::size_t begin_ = 0, end_ = 0;  // what of the buffer is not yet handed out
  std::int64_t line_number_ = 0, offset_ = 0, next_offset_ = 0;
  bool at_end_ = false;
};

}  // namespace anneal
