// Whole-file reading and crash-safe writing (base/atomic_file.h), and glob patterns.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace anneal {

/// All bytes of `path`. Throws DataError naming the path and the system's reason.
std::string read_file(const std::filesystem::path& path);

/// Writes `bytes` so that a reader sees either the old file or the whole new one: a temporary file
/// beside it, fsync, rename. Creates parent folders. Throws DataError (disk full included) and
/// leaves no temporary file behind.
void write_file_atomic(const std::filesystem::path& path, std::string_view bytes);

/// Files that match a shell pattern (`*`, `?`, `[...]`, `~`), a folder (all regular files below it,
/// hidden ones skipped) or a plain file, sorted by path. Empty if nothing matches.
std::vector<std::filesystem::path> expand_paths(const std::string& pattern);

/// Creates the folder and its parents. Throws DataError naming it and the reason.
void make_folders(const std::filesystem::path& folder);

}  // namespace anneal
