#include "base/files.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>

#include <glob.h>

#include "base/atomic_file.h"
#include "base/error.h"

namespace anneal {
namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  if (fs::is_directory(path)) {
    throw DataError(fmt::format("cannot read {}: it is a folder, a file is expected",
                                path.string()));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) throw_file_error("cannot open", path, errno ? errno : ENOENT);
  std::ostringstream out;
  out << in.rdbuf();
  if (in.bad()) throw_file_error("cannot read", path, errno ? errno : EIO);
  return std::move(out).str();
}

void write_file_atomic(const fs::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

std::vector<fs::path> expand_paths(const std::string& pattern) {
  std::vector<fs::path> roots, files;
  if (std::error_code ignored; fs::exists(pattern, ignored)) {
    roots.emplace_back(pattern);  // a name such as "data[1].txt" is no pattern
  } else {
    glob_t matches{};
    if (::glob(pattern.c_str(), GLOB_TILDE | GLOB_BRACE, nullptr, &matches) == 0) {
      for (std::size_t i = 0; i < matches.gl_pathc; ++i) roots.emplace_back(matches.gl_pathv[i]);
    }
    ::globfree(&matches);
  }
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

void make_folders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw_file_error("cannot create folder", folder, error.value());
}

}  // namespace anneal
