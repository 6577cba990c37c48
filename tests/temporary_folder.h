// A folder of a test's own, removed at the end, and the place of the shared real data.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <unistd.h>

#include "tests/source_folder.h"

namespace anneal::testing {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "anneal-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// ../shared/data beside the project if it is there (a test that needs it warns and returns if not).
inline std::optional<std::filesystem::path> shared_data() {
  const auto path = source_folder().parent_path() / "shared" / "data";
  if (std::filesystem::exists(path)) return path;
  return std::nullopt;
}

}  // namespace anneal::testing
