// Streaming reader of comma-separated values (RFC 4180: quoted fields may hold commas, doubled
// quotes and line feeds), plain or gzip; memory stays at one row whatever the size of the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cif/byte_source.h"

namespace anneal {

class CsvReader {
 public:
  /// Opens the file and reads the header row. Throws DataError if there is none.
  explicit CsvReader(const std::filesystem::path& path, char separator = ',');

  /// Names of the columns in order (a byte-order mark is dropped; a name may be "").
  const std::vector<std::string>& columns() const { return columns_; }
  /// Index of a column, if there is one of that name.
  std::optional<std::size_t> find(std::string_view name) const;
  /// Index of a column. Throws DataError naming the file, its columns and the nearest name.
  std::size_t column(std::string_view name) const;

  /// Reads the next row into `fields` (as many as the row has); blank lines are skipped; false at
  /// the end. Throws DataError for a quote that is never closed: the file is cut off.
  bool next(std::vector<std::string>& fields);
  /// Line of the file (from 1) where the last row began.
  std::int64_t line() const { return row_line_; }
  const std::filesystem::path& path() const { return source_.path(); }

 private:
  bool fill();
  bool read_row(std::vector<std::string>& fields);
  ByteSource source_;
  char separator_;
  std::string buffer_;
  std::size_t position_ = 0;
  std::int64_t line_ = 1, row_line_ = 1;
  bool quotes_seen_ = false;  // in the row read last
  std::vector<std::string> columns_;
};

/// The message for a missing column: names the file, what it has, and the nearest name.
std::string missing_column_message(const std::filesystem::path& path, std::string_view wanted,
                                   const std::vector<std::string>& columns);

}  // namespace anneal
