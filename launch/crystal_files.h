// CIF files at the command line: what `anneal inspect` says of one and `anneal convert` makes of
// it.
#pragma once

#include <filesystem>
#include <string>

namespace anneal {

bool is_cif_file(const std::filesystem::path& path);

/// Each crystal of the file in some lines: formula, cell, density, space group, Wyckoff positions,
/// validity, or the reason why it is none. Throws DataError for an unreadable file.
std::string describe_cif(const std::filesystem::path& file);

/// Writes the first crystal of `from` as a CIF in the cell asked for: "given", "conventional",
/// "primitive", "niggli" (all P 1), or "symmetrized" (conventional, with its space group). Throws
/// DataError if there is no crystal, or no such cell.
void convert_cif(const std::filesystem::path& from, const std::filesystem::path& to,
                 const std::string& cell);

}  // namespace anneal
