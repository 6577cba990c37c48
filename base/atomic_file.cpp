#include "base/atomic_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

constexpr const char* kTemporaryMark = ".tmp-anneal";
constexpr std::size_t kCollected = std::size_t{256} << 10;  // bytes of small writes kept together

std::string hint_for(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return "the disk is full: free some space or choose another folder (run.dir, --out)";
    case EACCES:
    case EPERM:
    case EROFS:
      return "check the permissions of the folder, or choose another one (run.dir, --out)";
    case ENOENT:
      return "check the path; relative paths start at the folder the command is called from";
    default:
      return "";
  }
}

/// A rename lasts through a power cut only when the folder is on the disk too. Some file systems
/// cannot sync a folder; that is no fault of the file.
void sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  (void)::fsync(fd);
  ::close(fd);
}

}  // namespace

void throw_file_error(const std::string& what, const fs::path& path, int error_number) {
  throw DataError(fmt::format("{} {}: {}", what, path.string(), std::strerror(error_number)),
                  hint_for(error_number));
}

TemporaryPath::TemporaryPath(fs::path path) : path_(std::move(path)) {
  if (!path_.parent_path().empty()) make_folders(path_.parent_path());
  temporary_ = path_.string() + kTemporaryMark + "-" + std::to_string(static_cast<long>(::getpid()));
}

TemporaryPath::~TemporaryPath() {
  if (!committed_) ::unlink(temporary_.c_str());
}

void TemporaryPath::commit() {
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail(errno);
  committed_ = true;
  sync_folder(path_.parent_path());
}

void TemporaryPath::fail(int error_number) const {
  throw_file_error("cannot write", path_, error_number);
}

AtomicFile::AtomicFile(fs::path path) : name_(std::move(path)) {
  fd_ = ::open(name_.temporary().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd_ < 0) name_.fail(errno);
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
}

void AtomicFile::flush(const char* bytes, std::uint64_t size) {
  while (size > 0) {
    const ssize_t done = ::write(fd_, bytes, std::min<std::uint64_t>(size, std::uint64_t{1} << 30));
    if (done < 0) {
      if (errno == EINTR) continue;
      name_.fail(errno);
    }
    bytes += done;
    size -= static_cast<std::uint64_t>(done);
  }
}

void AtomicFile::write(const void* bytes, std::uint64_t size) {
  const char* first = static_cast<const char*>(bytes);
  if (size < kCollected) pending_.append(first, size);
  if (pending_.size() >= kCollected || size >= kCollected) {
    flush(pending_.data(), pending_.size());
    pending_.clear();
  }
  if (size >= kCollected) flush(first, size);
  written_ += size;
}

void AtomicFile::commit() {
  flush(pending_.data(), pending_.size());
  pending_.clear();
  if (::fsync(fd_) != 0) name_.fail(errno);
  if (::close(std::exchange(fd_, -1)) != 0) name_.fail(errno);
  name_.commit();
}

void remove_temporary_files(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().filename().string().find(kTemporaryMark) != std::string::npos) {
      fs::remove(entry.path(), ignored);
    }
  }
}

}  // namespace anneal
