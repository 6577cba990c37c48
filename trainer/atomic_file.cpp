#include "trainer/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/error.h"
#include "base/files.h"

namespace anneal {

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  if (!path_.parent_path().empty()) make_folders(path_.parent_path());
  // the mark that remove_temporary_files (base/files.h) looks for
  temporary_ = path_.string() + ".tmp-anneal-" + std::to_string(static_cast<long>(::getpid()));
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd_ < 0) fail(errno);
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* bytes, std::uint64_t size) {
  const char* next = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t done = ::write(fd_, next, std::min<std::uint64_t>(size, std::uint64_t{1} << 30));
    if (done < 0) {
      if (errno == EINTR) continue;
      fail(errno);
    }
    next += done;
    size -= static_cast<std::uint64_t>(done);
    written_ += static_cast<std::uint64_t>(done);
  }
}

void AtomicFile::write(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.detach().to(at::kCPU).contiguous();
  write(plain.const_data_ptr(), plain.nbytes());
}

void AtomicFile::commit() {
  if (::fsync(fd_) != 0) fail(errno);
  const int fd = fd_;
  fd_ = -1;
  int error_number = ::close(fd) == 0 ? 0 : errno;
  if (error_number == 0 && ::rename(temporary_.c_str(), path_.c_str()) != 0) error_number = errno;
  if (error_number != 0) {
    ::unlink(temporary_.c_str());
    fail(error_number);
  }
}

void AtomicFile::fail(int error_number) {
  const bool full = error_number == ENOSPC || error_number == EDQUOT;
  throw DataError(fmt::format("cannot write {}: {}", path_.string(), std::strerror(error_number)),
                  full ? "the disk is full: free some space or choose another folder"
                       : "check the path and the permissions of the folder");
}

}  // namespace anneal
