// The safetensors file format (github.com/huggingface/safetensors): 8 bytes little-endian header
// size, a JSON header {name: {dtype, shape, data_offsets}}, then the tensors' bytes without gaps.
// Reading maps the file into memory and checks the whole header first; writing streams one tensor
// at a time and is atomic. Files are laid out as the reference library lays them out (larger
// element types first, then by name), so equal content gives equal bytes.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace anneal {

/// What the header says of one tensor.
struct TensorInfo {
  std::string name;
  at::ScalarType dtype = at::kFloat;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;  ///< bytes, counted from the end of the header (reading only)
};

/// The format's name of an element type ("F32", "BF16"...), "" if it has none.
std::string safetensors_dtype(at::ScalarType dtype);

/// "[64, 32]".
std::string shape_text(const std::vector<std::int64_t>& shape);

/// A whole file mapped into memory; shared by the tensors read from it. Copyable handle.
class MappedFile {
 public:
  /// Throws DataError. Writing to the bytes changes this process's copy, never the file.
  static std::shared_ptr<MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::byte* data() const { return data_; }
  std::uint64_t size() const { return size_; }

 private:
  MappedFile() = default;
  std::byte* data_ = nullptr;
  std::uint64_t size_ = 0;
};

/// A contiguous CPU tensor over `file`'s bytes from `offset` on, without a copy if the alignment
/// allows; it keeps the mapping alive. The caller has checked the bounds.
at::Tensor mapped_tensor(const std::shared_ptr<MappedFile>& file, std::uint64_t offset,
                         const std::vector<std::int64_t>& shape, at::ScalarType dtype);

/// One .safetensors file, open for reading. Copyable; copies share the mapping.
class SafetensorsFile {
 public:
  /// Maps the file and checks its header: size, JSON, duplicate names, element types, offsets
  /// against shapes, overlaps, gaps, and the file's length. Throws DataError.
  static SafetensorsFile open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  /// All tensors in the order of their bytes in the file.
  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  bool contains(const std::string& name) const { return index_.count(name) > 0; }
  /// Throws DataError naming the nearest name if there is no such tensor.
  const TensorInfo& info(const std::string& name) const;
  /// A view of the mapped bytes (copy-on-write; the file never changes).
  at::Tensor tensor(const std::string& name) const;
  /// The raw bytes of a tensor.
  std::string_view bytes(const std::string& name) const;

 private:
  std::filesystem::path path_;
  std::shared_ptr<MappedFile> file_;
  std::uint64_t data_begin_ = 0;
  std::vector<TensorInfo> tensors_;
  std::map<std::string, std::size_t> index_;
  std::map<std::string, std::string> metadata_;
};

/// Several files that together hold one set of tensors: model.safetensors of a folder, or all files
/// that its model.safetensors.index.json names.
class SafetensorsFolder {
 public:
  /// Opens `folder`'s files. Throws DataError (neither file there, a file of the index missing, a
  /// tensor not where the index says, a name in two files).
  static SafetensorsFolder open(const std::filesystem::path& folder);
  std::vector<std::string> names() const;
  bool contains(const std::string& name) const { return index_.count(name) > 0; }
  const TensorInfo& info(const std::string& name) const { return file_of(name).info(name); }
  at::Tensor tensor(const std::string& name) const { return file_of(name).tensor(name); }
  const std::vector<SafetensorsFile>& files() const { return files_; }
  /// The file that holds `name`. Throws DataError if none does.
  const SafetensorsFile& file_of(const std::string& name) const;

 private:
  std::filesystem::path folder_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, std::size_t> index_;
};

/// Gives a tensor by name when the writer gets to it.
using TensorProvider = std::function<at::Tensor(const std::string&)>;

/// Writes `tensors` (name, dtype, shape) whose data come from `provider`, asked once a tensor, in
/// the file's order; a tensor of another dtype is converted, one of another shape is an error.
/// Tensors on another device are copied to the CPU. Atomic: a temporary file, fsync, rename; a
/// failure (full disk, exception of the provider) leaves nothing behind. Throws DataError.
void write_safetensors(const std::filesystem::path& path, std::vector<TensorInfo> tensors,
                       const TensorProvider& provider,
                       const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

/// The same for tensors at hand.
void write_safetensors(const std::filesystem::path& path,
                       const std::vector<std::pair<std::string, at::Tensor>>& tensors,
                       const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

}  // namespace anneal
