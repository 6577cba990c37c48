// The little of HDF5 that token shards need, with every call checked: whole one-dimensional arrays,
// stored contiguously and 8-byte aligned (so that a reader can map them), and attributes.
// The library is not thread-safe: all calls into it are serialised here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace anneal {

enum class ElementType { kUint8, kUint16, kInt32, kUint64 };
std::size_t element_size(ElementType type);

/// Writes a new file. Contents depend on what is written only (no time stamps).
class Hdf5Writer {
 public:
  /// Throws DataError.
  explicit Hdf5Writer(const std::filesystem::path& path);
  ~Hdf5Writer();
  Hdf5Writer(Hdf5Writer&&) noexcept;
  Hdf5Writer& operator=(Hdf5Writer&&) = delete;

  void write(const std::string& name, std::span<const std::uint8_t> values);
  void write(const std::string& name, std::span<const std::uint16_t> values);
  void write(const std::string& name, std::span<const std::int32_t> values);
  void write(const std::string& name, std::span<const std::uint64_t> values);
  void set_attribute(const std::string& name, const std::string& value);
  void set_attribute(const std::string& name, std::int64_t value);
  /// Flushes to the disk and closes. Throws DataError (disk full). Without it nothing is promised.
  void close();

 private:
  void write_array(const std::string& name, ElementType type, const void* values, std::uint64_t count);
  struct State;
  std::unique_ptr<State> state_;
};

/// Where an array lies in its file.
struct Hdf5Array {
  ElementType type = ElementType::kUint8;
  std::uint64_t offset = 0;  ///< bytes from the beginning of the file
  std::uint64_t count = 0;   ///< elements
};

/// Opens a file for reading. Throws DataError naming it if it is no HDF5 file or is cut short.
class Hdf5Reader {
 public:
  explicit Hdf5Reader(const std::filesystem::path& path);
  ~Hdf5Reader();
  Hdf5Reader(const Hdf5Reader&) = delete;
  Hdf5Reader& operator=(const Hdf5Reader&) = delete;

  bool has(const std::string& name) const;
  /// Throws DataError if it is missing, not one-dimensional, of another element type or not contiguous.
  Hdf5Array array(const std::string& name) const;
  std::string string_attribute(const std::string& name) const;
  std::int64_t integer_attribute(const std::string& name) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace anneal
