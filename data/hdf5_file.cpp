#include "data/hdf5_file.h"

#include <mutex>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <hdf5.h>

#include "base/error.h"

namespace anneal {
namespace fs = std::filesystem;

namespace hdf5 {  // named: State, which is declared in the header, holds a Handle

/// One lock for the library, and its own printing of errors switched off while it is held.
class Library {
 public:
  Library() : lock_(mutex()) {
    H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~Library() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }

 private:
  static std::mutex& mutex() {
    static std::mutex instance;
    return instance;
  }
  std::lock_guard<std::mutex> lock_;
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

/// The library's innermost message.
std::string library_message() {
  std::string text = "unknown reason";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD,
           [](unsigned depth, const H5E_error2_t* error, void* out) -> herr_t {
             if (depth == 0 && error->desc) *static_cast<std::string*>(out) = error->desc;
             return 0;
           },
           &text);
  return text;
}

using CloseFunction = herr_t (*)(hid_t);

/// An HDF5 identifier that closes itself.
class Handle {
 public:
  Handle() = default;
  Handle(hid_t id, CloseFunction close) : id_(id), close_(close) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  operator hid_t() const { return id_; }
  /// Closes; the status is the caller's to check.
  herr_t close() { return id_ >= 0 ? close_(std::exchange(id_, -1)) : 0; }

 private:
  hid_t id_ = -1;
  CloseFunction close_ = nullptr;
};

hid_t memory_type(ElementType type) {
  switch (type) {
    case ElementType::kUint8: return H5T_NATIVE_UINT8;
    case ElementType::kUint16: return H5T_NATIVE_UINT16;
    case ElementType::kInt32: return H5T_NATIVE_INT32;
    case ElementType::kUint64: return H5T_NATIVE_UINT64;
  }
  return -1;
}

hid_t file_type(ElementType type) {
  switch (type) {
    case ElementType::kUint8: return H5T_STD_U8LE;
    case ElementType::kUint16: return H5T_STD_U16LE;
    case ElementType::kInt32: return H5T_STD_I32LE;
    case ElementType::kUint64: return H5T_STD_U64LE;
  }
  return -1;
}

[[noreturn]] void fail(const std::string& what, const fs::path& path, std::string hint) {
  throw DataError(fmt::format("{} {}: {}", what, path.string(), library_message()), std::move(hint));
}

}  // namespace hdf5

using namespace hdf5;

std::size_t element_size(ElementType type) {
  switch (type) {
    case ElementType::kUint8: return 1;
    case ElementType::kUint16: return 2;
    case ElementType::kInt32: return 4;
    case ElementType::kUint64: return 8;
  }
  return 0;
}

struct Hdf5Writer::State {
  fs::path path;
  Handle file;
  template <class Id>
  Handle check(Id id, CloseFunction close, const char* what) const {
    if (id < 0) fail(fmt::format("cannot write ({})", what), path, hint());
    return Handle(id, close);
  }
  static std::string hint() {
    return "is the disk full? free some space, or choose another folder with --set run.dir=...";
  }
};

Hdf5Writer::Hdf5Writer(const fs::path& path) : state_(std::make_unique<State>()) {
  const Library library;
  state_->path = path;
  const Handle access = state_->check(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "properties");
  if (H5Pset_alignment(access, 1, 8) < 0 || H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) < 0) {
    fail("cannot write", path, State::hint());
  }
  state_->file = state_->check(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access), H5Fclose, "create");
}

Hdf5Writer::Hdf5Writer(Hdf5Writer&&) noexcept = default;

Hdf5Writer::~Hdf5Writer() {
  if (!state_) return;
  const Library library;
  state_->file.close();
}

void Hdf5Writer::write_array(const std::string& name, ElementType type, const void* values, std::uint64_t count) {
  const Library library;
  const hsize_t dims[1] = {count};
  const Handle space = state_->check(H5Screate_simple(1, dims, nullptr), H5Sclose, "dataspace");
  const Handle creation = state_->check(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "properties");
  if (H5Pset_obj_track_times(creation, false) < 0 || H5Pset_layout(creation, H5D_CONTIGUOUS) < 0 ||
      H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY) < 0 || H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER) < 0) {
    fail("cannot write", state_->path, State::hint());
  }
  Handle set = state_->check(H5Dcreate2(state_->file, name.c_str(), file_type(type), space, H5P_DEFAULT, creation,
                                        H5P_DEFAULT),
                             H5Dclose, "dataset");
  if (count > 0 && H5Dwrite(set, memory_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) {
    fail("cannot write", state_->path, State::hint());
  }
  if (set.close() < 0) fail("cannot write", state_->path, State::hint());
}

void Hdf5Writer::write(const std::string& name, std::span<const std::uint8_t> values) {
  write_array(name, ElementType::kUint8, values.data(), values.size());
}
void Hdf5Writer::write(const std::string& name, std::span<const std::uint16_t> values) {
  write_array(name, ElementType::kUint16, values.data(), values.size());
}
void Hdf5Writer::write(const std::string& name, std::span<const std::int32_t> values) {
  write_array(name, ElementType::kInt32, values.data(), values.size());
}
void Hdf5Writer::write(const std::string& name, std::span<const std::uint64_t> values) {
  write_array(name, ElementType::kUint64, values.data(), values.size());
}

void Hdf5Writer::set_attribute(const std::string& name, const std::string& value) {
  const Library library;
  const Handle type = state_->check(H5Tcopy(H5T_C_S1), H5Tclose, "type");
  const Handle space = state_->check(H5Screate(H5S_SCALAR), H5Sclose, "dataspace");
  if (H5Tset_size(type, value.size() + 1) < 0) fail("cannot write", state_->path, State::hint());
  const Handle attribute = state_->check(
      H5Acreate2(state_->file, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose, "attribute");
  if (H5Awrite(attribute, type, value.c_str()) < 0) fail("cannot write", state_->path, State::hint());
}

void Hdf5Writer::set_attribute(const std::string& name, std::int64_t value) {
  const Library library;
  const Handle space = state_->check(H5Screate(H5S_SCALAR), H5Sclose, "dataspace");
  const Handle attribute = state_->check(
      H5Acreate2(state_->file, name.c_str(), H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose, "attribute");
  if (H5Awrite(attribute, H5T_NATIVE_INT64, &value) < 0) fail("cannot write", state_->path, State::hint());
}

void Hdf5Writer::close() {
  const Library library;
  if (H5Fflush(state_->file, H5F_SCOPE_GLOBAL) < 0) fail("cannot write", state_->path, State::hint());
  if (state_->file.close() < 0) fail("cannot write", state_->path, State::hint());
  const int fd = ::open(state_->path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!synced) throw DataError(fmt::format("cannot write {} to the disk", state_->path.string()), State::hint());
}

struct Hdf5Reader::State {
  fs::path path;
  Handle file;
  [[noreturn]] void damaged(const std::string& what) const {
    throw DataError(fmt::format("{} is damaged: {}", path.string(), what), "run `anneal prepare` again");
  }
};

Hdf5Reader::Hdf5Reader(const fs::path& path) : state_(std::make_unique<State>()) {
  const Library library;
  state_->path = path;
  // without locks: ranks read the same file, and some network file systems refuse locks
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_file_locking(access, /*use=*/false, /*ignore_when_disabled=*/true);
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access);
  if (file < 0) {
    throw DataError(fmt::format("cannot open {} as an HDF5 file: {}", path.string(), library_message()),
                    "it is cut short or damaged: run `anneal prepare` again");
  }
  state_->file = Handle(file, H5Fclose);
}

Hdf5Reader::~Hdf5Reader() {
  const Library library;
  state_->file.close();
}

bool Hdf5Reader::has(const std::string& name) const {
  const Library library;
  return H5Lexists(state_->file, name.c_str(), H5P_DEFAULT) > 0;
}

Hdf5Array Hdf5Reader::array(const std::string& name) const {
  const Library library;
  const Handle set(H5Dopen2(state_->file, name.c_str(), H5P_DEFAULT), H5Dclose);
  if (set < 0) state_->damaged(fmt::format("it has no array '{}'", name));
  const Handle space(H5Dget_space(set), H5Sclose);
  const Handle type(H5Dget_type(set), H5Tclose);
  if (space < 0 || type < 0 || H5Sget_simple_extent_ndims(space) != 1) {
    state_->damaged(fmt::format("array '{}' is not one-dimensional", name));
  }
  hsize_t count = 0;
  if (H5Sget_simple_extent_dims(space, &count, nullptr) < 0) state_->damaged(fmt::format("array '{}'", name));
  Hdf5Array array;
  array.count = count;
  bool known = false;
  for (const ElementType candidate :
       {ElementType::kUint8, ElementType::kUint16, ElementType::kInt32, ElementType::kUint64}) {
    if (H5Tequal(type, file_type(candidate)) > 0) array.type = candidate, known = true;
  }
  if (!known) state_->damaged(fmt::format("array '{}' has an unknown element type", name));
  const haddr_t offset = H5Dget_offset(set);
  if (offset == HADDR_UNDEF) state_->damaged(fmt::format("array '{}' is not stored contiguously", name));
  array.offset = offset;
  return array;
}

std::string Hdf5Reader::string_attribute(const std::string& name) const {
  const Library library;
  const Handle attribute(H5Aopen(state_->file, name.c_str(), H5P_DEFAULT), H5Aclose);
  if (attribute < 0) state_->damaged(fmt::format("it has no attribute '{}'", name));
  const Handle type(H5Aget_type(attribute), H5Tclose);
  if (type < 0 || H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0) {
    state_->damaged(fmt::format("attribute '{}' is no text", name));
  }
  std::vector<char> text(H5Tget_size(type) + 1, '\0');
  if (H5Aread(attribute, type, text.data()) < 0) state_->damaged(fmt::format("attribute '{}'", name));
  return text.data();
}

std::int64_t Hdf5Reader::integer_attribute(const std::string& name) const {
  const Library library;
  const Handle attribute(H5Aopen(state_->file, name.c_str(), H5P_DEFAULT), H5Aclose);
  std::int64_t value = 0;
  if (attribute < 0 || H5Aread(attribute, H5T_NATIVE_INT64, &value) < 0) {
    state_->damaged(fmt::format("it has no number '{}'", name));
  }
  return value;
}

}  // namespace anneal
