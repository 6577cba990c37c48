// What the fuzz targets share: a property that must hold, and input as a file in memory.
#pragma once

#include <fmt/core.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "cif/verdict.h"

namespace anneal::fuzz {

/// Stops the run (libFuzzer keeps the input) if a property does not hold.
inline void require(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "property violated: %s\n", what.c_str());
  std::abort();
}

/// What every reader promises: a crystal, or a reason with a detail; never both, never neither.
inline void require_verdict(const ParsedCrystal& parsed) {
  require(parsed.crystal.has_value() == (parsed.reason == RejectReason::kNone),
          "crystal xor reason");
  require(parsed.crystal.has_value() || !parsed.detail.empty(), "a reason has a detail");
  if (parsed.crystal) {
    require(parsed.crystal->cell.possible(), "the cell of a crystal is possible");
    require(!parsed.crystal->sites.empty(), "a crystal has sites");
  }
  CrystalRecord record;
  record.parsed = parsed;
  const std::string line = to_json(judge(record));  // bytes that are no UTF-8 are U+FFFD in it
  require(to_json(verdict_from_json(line)) == line, "the verdict is read back as written: " + line);
}

/// A file on a file system in memory, rewritten for each input (the readers take paths).
class InputFile {
 public:
  explicit InputFile(const std::string& extension)
      : path_(fmt::format("/dev/shm/anneal_fuzz_{}{}", ::getpid(), extension)) {}
  ~InputFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  const std::filesystem::path& write(std::string_view bytes) const {
    std::FILE* file = std::fopen(path_.c_str(), "wb");
    require(file != nullptr, "/dev/shm can be written");
    std::fwrite(bytes.data(), 1, bytes.size(), file);
    std::fclose(file);
    return path_;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace anneal::fuzz
