// Bytes of a plain or gzip-compressed file in order, without holding the file in memory.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace anneal {

class ByteSource {
 public:
  /// Opens the file. Throws DataError naming it and the reason.
  explicit ByteSource(std::filesystem::path path);
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// Up to `size` bytes; 0 at the end. Throws DataError if the file is damaged or unreadable.
  std::size_t read(char* bytes, std::size_t size);
  /// Reads one line without its line feed (and carriage return); false at the end.
  bool read_line(std::string& line);
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  void* file_ = nullptr;  // gzFile: reads plain files as well
  std::string buffer_;
  std::size_t position_ = 0;
};

/// The whole content, decompressed. Throws DataError, also beyond `max_bytes` (a small file can
/// decompress to anything).
std::string read_all(const std::filesystem::path& path,
                     std::size_t max_bytes = std::size_t{1} << 30);

}  // namespace anneal
