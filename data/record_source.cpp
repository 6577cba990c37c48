#include "data/record_source.h"

#include <charconv>
#include <fstream>
#include <optional>

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cif/csv.h"
#include "data/compression.h"
#include "data/source.h"

namespace anneal {
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

/// Files, limits and counts that both kinds share; a kind says how to get the next text of a file.
class RecordReader : public DocumentReader {
 public:
  RecordReader(std::string name, const SourceOptions& options)
      : name_(std::move(name)), options_(options), files_(source_files(name_, options)) {}

  std::optional<Document> next() override {
    for (;;) {
      if (options_.max_documents > 0 && num_documents_ >= options_.max_documents) return std::nullopt;
      if (!open_) {
        if (next_file_ == files_.size()) {
          if (num_documents_ > 0) return std::nullopt;
          throw DataError(fmt::format("source '{}' has no documents: {} file(s) of {} hold no record with text",
                                      name_, files_.size(), options_.path),
                          "check the path, or remove the source");
        }
        open(files_[next_file_++]);
        open_ = true;
      }
      Document document;
      auto text = next_text(document.origin);
      if (!text) {
        open_ = false;
        continue;
      }
      const std::string_view trimmed = trim(*text);
      if (trimmed.empty()) {
        ++num_empty_;
        continue;
      }
      ++num_documents_;
      document.spans.push_back({std::string(trimmed), /*loss=*/true});
      return document;
    }
  }

  std::string note() const override {
    return num_empty_ == 0 ? "" : fmt::format("{} empty documents left out", with_commas(num_empty_));
  }

 protected:
  virtual void open(const fs::path& path) = 0;
  /// Text of the next record of the open file and its "file:line", or nothing at the file's end.
  virtual std::optional<std::string> next_text(std::string& origin) = 0;
  std::string name_;
  SourceOptions options_;

 private:
  std::vector<fs::path> files_;
  std::size_t next_file_ = 0;
  bool open_ = false;
  std::int64_t num_documents_ = 0, num_empty_ = 0;
};

/// "a.b[0].c" -> a, b, 0, c
std::vector<std::string> field_path(const std::string& field) {
  std::string dotted;
  for (const char c : field) {
    if (c == '[') dotted.push_back('.');
    else if (c != ']') dotted.push_back(c);
  }
  std::vector<std::string> parts;
  for (const auto part : split(dotted, '.')) {
    if (!part.empty()) parts.emplace_back(part);
  }
  return parts;
}

class JsonlReader : public RecordReader {
 public:
  JsonlReader(std::string name, const SourceOptions& options)
      : RecordReader(std::move(name), options), path_(field_path(options.field)) {}

 protected:
  void open(const fs::path& path) override { lines_.emplace(path); }

  std::optional<std::string> next_text(std::string& origin) override {
    for (;;) {
      const auto line = lines_->next();
      if (!line) return std::nullopt;
      if (trim(*line).empty()) continue;
      origin = lines_->where();
      require_text(*line, origin, lines_->offset());
      return text_of(*line, origin);
    }
  }

 private:
  std::string text_of(std::string_view line, const std::string& origin) const {
    Json record;
    try {
      record = Json::parse(line);
    } catch (const Json::exception& error) {
      throw DataError(fmt::format("{}: not a JSON record: {}", origin, error.what()),
                      "JSONL holds one JSON object a line; for a CSV set `kind: csv`, for text `kind: text`");
    }
    const Json* at = &record;
    std::string done;
    // a key may hold dots itself
    const bool literal = record.is_object() && record.contains(options_.field);
    if (literal) at = &record[options_.field];
    for (const auto& part : literal ? std::vector<std::string>{} : path_) {
      const Json* next = nullptr;
      std::vector<std::string> keys;
      if (at->is_object()) {
        if (const auto found = at->find(part); found != at->end()) next = &*found;
        for (const auto& [key, value] : at->items()) keys.push_back(key);
      } else if (at->is_array()) {
        std::size_t index = 0;
        const auto [end, status] = std::from_chars(part.data(), part.data() + part.size(), index);
        if (status == std::errc() && end == part.data() + part.size() && index < at->size()) next = &(*at)[index];
      }
      if (!next) {
        const std::string nearest = nearest_name(part, keys);
        throw DataError(fmt::format("{}: the record has no field '{}'{} (source '{}')", origin, part,
                                    done.empty() ? "" : " in '" + done + "'", name_),
                        nearest.empty() ? fmt::format("set data.sources.{}.field to the path of the text", name_)
                                        : fmt::format("did you mean '{}'? set data.sources.{}.field", nearest, name_));
      }
      at = next;
      done += (done.empty() ? "" : ".") + part;
    }
    if (at->is_null()) return "";
    if (!at->is_string()) {
      throw DataError(fmt::format("{}: field '{}' is {}, text is expected (source '{}')", origin,
                                  options_.field, at->type_name(), name_),
                      fmt::format("set data.sources.{}.field to the path of the text", name_));
    }
    return at->get<std::string>();
  }

  std::vector<std::string> path_;
  std::optional<LineReader> lines_;
};

/// A file unpacked into the temporary folder, removed at the end: CsvReader reads plain and gzip only.
class UnpackedCopy {
 public:
  explicit UnpackedCopy(const fs::path& packed) {
    std::string pattern = (fs::temp_directory_path() / "anneal-csv-XXXXXX").string();
    const int fd = ::mkstemp(pattern.data());
    if (fd < 0) throw DataError(fmt::format("cannot create a file in {}", fs::temp_directory_path().string()));
    ::close(fd);
    path_ = pattern;
    std::ofstream out(path_, std::ios::binary);
    auto stream = open_stream(packed);
    std::vector<char> block(1 << 18);
    while (const std::size_t got = stream->read(block.data(), block.size())) {
      out.write(block.data(), static_cast<std::streamsize>(got));
    }
    out.close();
    if (!out) throw DataError(fmt::format("cannot unpack {} into {}", packed.string(), path_.string()), "is the disk full?");
  }
  ~UnpackedCopy() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  UnpackedCopy(const UnpackedCopy&) = delete;
  UnpackedCopy& operator=(const UnpackedCopy&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

class CsvDocumentReader : public RecordReader {
 public:
  using RecordReader::RecordReader;

 protected:
  void open(const fs::path& path) override {
    path_ = path;
    reader_.reset();
    copy_.reset();
    if (path.extension() == ".zst") copy_.emplace(path);
    reader_.emplace(copy_ ? copy_->path() : path);
    if (!reader_->find(options_.column)) {
      throw DataError(missing_column_message(path, options_.column, reader_->columns()),
                      fmt::format("set data.sources.{}.column", name_));
    }
    column_ = reader_->column(options_.column);
  }

  std::optional<std::string> next_text(std::string& origin) override {
    if (!reader_->next(fields_)) return std::nullopt;
    origin = fmt::format("{}:{}", path_.string(), reader_->line());
    if (column_ >= fields_.size()) {
      throw DataError(fmt::format("{}: the row has {} fields, the header {}", origin, fields_.size(),
                                  reader_->columns().size()),
                      "check the quotes and commas of this row");
    }
    require_text(fields_[column_], origin, /*offset=*/-1);
    return std::move(fields_[column_]);
  }

 private:
  fs::path path_;
  std::optional<UnpackedCopy> copy_;
  std::optional<CsvReader> reader_;
  std::size_t column_ = 0;
  std::vector<std::string> fields_;
};

}  // namespace

std::unique_ptr<DocumentReader> open_jsonl_source(const std::string& name, const SourceOptions& options) {
  return std::make_unique<JsonlReader>(name, options);
}

std::unique_ptr<DocumentReader> open_csv_source(const std::string& name, const SourceOptions& options) {
  return std::make_unique<CsvDocumentReader>(name, options);
}

}  // namespace anneal
