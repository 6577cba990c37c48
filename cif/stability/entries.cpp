#include "cif/stability/entries.h"

#include "base/error.h"
#include "cif/stability/entries_read.h"

namespace anneal {
namespace fs = std::filesystem;

double PhaseEntry::atoms() const {
  double sum = 0;
  for (const auto& [z, amount] : amounts) sum += amount;
  return sum;
}

void bad_entry(const std::string& where, const std::string& what) {
  throw DataError(fmt::format("{}: {}", where, what),
                  "entries are described in docs/formats.md (\"Entries of a hull\")");
}

PhaseEntries read_phase_entries(const fs::path& path) {
  std::string name = path.filename().string();
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  auto result = name.ends_with(".csv") ? read_entries_csv(path) : read_entries_json(path);
  if (result.report.read == 0) {
    throw DataError(fmt::format("{} holds no entry", path.string()), "check that it is the file that was meant");
  }
  return result;
}

}  // namespace anneal
