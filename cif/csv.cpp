#include "cif/csv.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/text.h"

namespace anneal {

CsvReader::CsvReader(const std::filesystem::path& path, char separator)
    : source_(path), separator_(separator) {
  if (!next(columns_)) {
    throw DataError(
        fmt::format("cannot read {}: the file is empty, a CSV header is expected", path.string()));
  }
  if (columns_[0].starts_with("\xEF\xBB\xBF")) columns_[0].erase(0, 3);
}

std::optional<std::size_t> CsvReader::find(std::string_view name) const {
  const auto at = std::find(columns_.begin(), columns_.end(), name);
  if (at == columns_.end()) return std::nullopt;
  return static_cast<std::size_t>(at - columns_.begin());
}

std::size_t CsvReader::column(std::string_view name) const {
  if (const auto index = find(name)) return *index;
  throw DataError(missing_column_message(path(), name, columns_));
}

std::string missing_column_message(const std::filesystem::path& path, std::string_view wanted,
                                   const std::vector<std::string>& columns) {
  std::string list;
  for (std::size_t i = 0; i < columns.size() && i < 50; ++i) {
    list += (i == 0 ? "'" : ", '") + columns[i].substr(0, 60) + "'";
  }
  if (columns.size() == 1 && columns[0].find_first_of(";\t") != std::string::npos) {
    return fmt::format("{} has no column '{}', only '{}': its fields must be separated by commas",
                       path.string(), wanted, columns[0].substr(0, 60));
  }
  return fmt::format("{} has no column '{}'; its columns are {}; the nearest name is '{}'",
                     path.string(), wanted, list, nearest_name(wanted, columns).substr(0, 60));
}

bool CsvReader::fill() {
  buffer_.resize(1 << 17);
  buffer_.resize(source_.read(buffer_.data(), buffer_.size()));
  position_ = 0;
  return !buffer_.empty();
}

bool CsvReader::next(std::vector<std::string>& fields) {
  while (read_row(fields)) {
    if (fields.size() > 1 || !fields[0].empty() || quotes_seen_) return true;  // "" is an empty field
  }
  return false;
}

bool CsvReader::read_row(std::vector<std::string>& fields) {
  if (position_ == buffer_.size() && !fill()) return false;
  row_line_ = line_;
  quotes_seen_ = false;
  std::size_t count = 0;  // fields are reused: their memory stays
  const auto begin_field = [&] {
    if (fields.size() <= count) fields.emplace_back();
    fields[count].clear();
    ++count;
  };
  begin_field();
  bool quoted = false, after_quote = false;
  while (true) {
    if (position_ == buffer_.size() && !fill()) {
      if (quoted) {
        throw DataError(fmt::format("cannot read {}: a quote in the row of line {} is never closed",
                                    path().string(), row_line_),
                        "the file seems to be cut off");
      }
      break;
    }
    std::string& field = fields[count - 1];
    const char* at = buffer_.data() + position_;
    const std::size_t left = buffer_.size() - position_;
    if (quoted) {
      // everything up to the next quote at once
      const char* quote = static_cast<const char*>(std::memchr(at, '"', left));
      const std::size_t size = quote ? static_cast<std::size_t>(quote - at) : left;
      field.append(at, size);
      line_ += std::count(at, at + size, '\n');
      position_ += size;
      if (quote) {
        ++position_;
        quoted = false;
        after_quote = true;
      }
      continue;
    }
    const char c = *at;
    ++position_;
    if (c == '"' && after_quote) {  // a doubled quote is one
      field += '"';
      quoted = true;
      after_quote = false;
    } else if (c == '"' && field.empty()) {
      quoted = quotes_seen_ = true;
    } else if (c == separator_) {
      begin_field();
      after_quote = false;
    } else if (c == '\n') {
      ++line_;
      if (!after_quote && !field.empty() && field.back() == '\r') field.pop_back();
      break;
    } else if (c == '\r' && after_quote) {
      // the carriage return of the line's end
    } else {
      field += c;
      after_quote = false;
    }
  }
  fields.resize(count);
  return true;
}

}  // namespace anneal
