// The two forms of a file of entries, one reader each (used by entries.cpp).
#pragma once

#include <filesystem>
#include <string>

#include "cif/stability/entries.h"

namespace anneal {

PhaseEntries read_entries_csv(const std::filesystem::path& path);
PhaseEntries read_entries_json(const std::filesystem::path& path);

/// Throws DataError: `where` (file, line or entry) and `what` is wrong there.
[[noreturn]] void bad_entry(const std::string& where, const std::string& what);

}  // namespace anneal
