// What a run has brought about, from its files alone: report.html (one self-contained page) and the
// table that ends a run in the terminal. Works on pipeline folders, single runs and interrupted ones.
#pragma once

#include <filesystem>
#include <string>

namespace anneal {

/// Writes <run_dir>/report.html: no network, light and dark, printable. What is missing is named on
/// the page. Throws DataError if `run_dir` is no folder or the page cannot be written.
void write_report(const std::filesystem::path& run_dir, const std::string& title);

/// The stages with status, time and main results, and the validity of generated crystals; ends with
/// a line feed. Throws DataError if `run_dir` is no folder.
std::string summary_table(const std::filesystem::path& run_dir);

}  // namespace anneal
