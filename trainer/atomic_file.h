// A large file written piece by piece that appears under its name only when it is whole: a
// temporary file beside it, fsync, rename. (base/files.h has the same for content at hand.)
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace anneal {

class AtomicFile {
 public:
  /// Creates the temporary file and the parent folders. Throws DataError.
  explicit AtomicFile(std::filesystem::path path);
  /// Removes the temporary file unless `commit` was called.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends bytes. Throws DataError (disk full included).
  void write(const void* bytes, std::uint64_t size);
  void write(std::string_view bytes) { write(bytes.data(), bytes.size()); }
  /// Appends the elements of a tensor of any device, as they are, in row-major order.
  void write(const at::Tensor& tensor);
  std::uint64_t written() const { return written_; }
  /// Flushes to the disk and gives the file its name. Throws DataError.
  void commit();

 private:
  [[noreturn]] void fail(int error_number);
  std::filesystem::path path_, temporary_;
  int fd_ = -1;
  std::uint64_t written_ = 0;
};

}  // namespace anneal
