#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "trainer/safetensors.h"

namespace anneal {

std::shared_ptr<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const auto fail = [&](int error_number) {
    throw DataError(fmt::format("cannot read {}: {}", path.string(), std::strerror(error_number)),
                    error_number == ENOENT ? "check the path" : "");
  };
  std::shared_ptr<MappedFile> file(new MappedFile());
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(errno);
  struct stat status {};
  int error_number = ::fstat(fd, &status) == 0 ? 0 : errno;
  if (error_number == 0 && S_ISDIR(status.st_mode)) error_number = EISDIR;
  if (error_number == 0 && status.st_size > 0) {
    // private and writable: a tensor over these bytes may be written to without harm to the file
    void* data = ::mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_NORESERVE, fd, 0);
    if (data == MAP_FAILED) {
      error_number = errno;
    } else {
      file->data_ = static_cast<std::byte*>(data);
      file->size_ = static_cast<std::uint64_t>(status.st_size);
    }
  }
  ::close(fd);
  if (error_number != 0) fail(error_number);
  return file;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

at::Tensor mapped_tensor(const std::shared_ptr<MappedFile>& file, std::uint64_t offset,
                         const std::vector<std::int64_t>& shape, at::ScalarType dtype) {
  std::size_t bytes = at::elementSize(dtype);
  for (const auto size : shape) bytes *= static_cast<std::size_t>(size);
  if (bytes == 0) return at::empty(shape, at::TensorOptions().dtype(dtype));
  std::byte* data = file->data() + offset;
  if (reinterpret_cast<std::uintptr_t>(data) % at::elementSize(dtype) != 0) {
    at::Tensor copy = at::empty(shape, at::TensorOptions().dtype(dtype));
    std::memcpy(copy.mutable_data_ptr(), data, bytes);
    return copy;
  }
  // the deleter's copy of `file` keeps the mapping alive as long as the tensor's storage
  return at::from_blob(
      data, shape, [file](void*) {}, at::TensorOptions().dtype(dtype));
}

}  // namespace anneal
