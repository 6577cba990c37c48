#include "base/files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <glob.h>
#include <unistd.h>

#include "base/error.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

constexpr const char* kTemporaryMark = ".tmp-anneal";

std::string hint_for(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return "the disk is full: free some space or choose another folder with --set run.dir=...";
    case EACCES:
    case EPERM:
    case EROFS:
      return "check the permissions of the folder, or choose another with --set run.dir=...";
    case ENOENT:
      return "check the path; relative paths start at the folder the command is called from";
    default:
      return "";
  }
}

[[noreturn]] void fail(const std::string& what, const fs::path& path, int error_number) {
  throw DataError(fmt::format("{} {}: {}", what, path.string(), std::strerror(error_number)),
                  hint_for(error_number));
}

}  // namespace

std::string read_file(const fs::path& path) {
  if (fs::is_directory(path)) {
    throw DataError(fmt::format("cannot read {}: it is a folder, a file is expected",
                                path.string()));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) fail("cannot open", path, errno ? errno : ENOENT);
  std::ostringstream out;
  out << in.rdbuf();
  if (in.bad()) fail("cannot read", path, errno ? errno : EIO);
  return std::move(out).str();
}

void write_file_atomic(const fs::path& path, std::string_view bytes) {
  if (!path.parent_path().empty()) make_folders(path.parent_path());
  const fs::path temporary =
      path.string() + kTemporaryMark + "-" + std::to_string(static_cast<long>(::getpid()));
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) fail("cannot create", temporary, errno);
  int error_number = 0;
  while (!bytes.empty() && error_number == 0) {
    const ssize_t written = ::write(fd, bytes.data(), std::min<std::size_t>(bytes.size(), 1 << 30));
    if (written < 0) {
      if (errno != EINTR) error_number = errno;
    } else {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  if (error_number == 0 && ::fsync(fd) != 0) error_number = errno;
  if (::close(fd) != 0 && error_number == 0) error_number = errno;
  if (error_number == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error_number = errno;
  if (error_number != 0) {
    ::unlink(temporary.c_str());
    fail("cannot write", path, error_number);
  }
}

std::vector<fs::path> expand_paths(const std::string& pattern) {
  std::vector<fs::path> roots, files;
  glob_t matches{};
  if (::glob(pattern.c_str(), GLOB_TILDE | GLOB_BRACE, nullptr, &matches) == 0) {
    for (std::size_t i = 0; i < matches.gl_pathc; ++i) roots.emplace_back(matches.gl_pathv[i]);
  }
  ::globfree(&matches);
  for (const auto& root : roots) {
    std::error_code ignored;
    if (!fs::is_directory(root, ignored)) {
      files.push_back(root);
      continue;
    }
    for (auto it = fs::recursive_directory_iterator(root, ignored);
         it != fs::recursive_directory_iterator(); it.increment(ignored)) {
      const std::string name = it->path().filename().string();
      if (name.starts_with(".")) {
        it.disable_recursion_pending();
      } else if (it->is_regular_file(ignored)) {
        files.push_back(it->path());
      }
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

void remove_temporary_files(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().filename().string().find(kTemporaryMark) != std::string::npos) {
      fs::remove(entry.path(), ignored);
    }
  }
}

void make_folders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail("cannot create folder", folder, error.value());
}

}  // namespace anneal
