// A file that appears under its name only when it is whole: a temporary file beside it, fsync, rename.
// The one place of this sequence; `write_file_atomic` (base/files.h) is the short form for content at hand.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace anneal {

/// A temporary name beside `path` that a writer (also a library such as HDF5) fills.
class TemporaryPath {
 public:
  /// Creates the parent folders, not the file. Throws DataError.
  explicit TemporaryPath(std::filesystem::path path);
  /// Removes the temporary file unless `commit` was called.
  ~TemporaryPath();
  TemporaryPath(const TemporaryPath&) = delete;
  TemporaryPath& operator=(const TemporaryPath&) = delete;

  const std::filesystem::path& path() const { return path_; }            ///< the final name
  const std::filesystem::path& temporary() const { return temporary_; }  ///< where to write
  /// Gives the file, closed and synced by the writer, its name. Throws DataError.
  void commit();
  /// DataError "cannot write <path>: <reason>" with a remedy.
  [[noreturn]] void fail(int error_number) const;

 private:
  std::filesystem::path path_, temporary_;
  bool committed_ = false;
};

/// A file written piece by piece.
class AtomicFile {
 public:
  /// Creates the temporary file and the parent folders. Throws DataError.
  explicit AtomicFile(std::filesystem::path path);
  /// Removes the temporary file unless `commit` was called.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends bytes (small pieces are collected). Throws DataError (disk full included).
  void write(const void* bytes, std::uint64_t size);
  void write(std::string_view bytes) { write(bytes.data(), bytes.size()); }
  std::uint64_t written() const { return written_; }
  /// Flushes to the disk and gives the file its name. Throws DataError.
  void commit();

 private:
  void flush(const char* bytes, std::uint64_t size);
  TemporaryPath name_;
  int fd_ = -1;
  std::uint64_t written_ = 0;
  std::string pending_;
};

/// The reason and remedy of a failed system call on a file, as a DataError: "<what> <path>: <reason>".
[[noreturn]] void throw_file_error(const std::string& what, const std::filesystem::path& path,
                                   int error_number);

/// Removes what interrupted writes left in `folder` (not below it).
void remove_temporary_files(const std::filesystem::path& folder);

}  // namespace anneal
