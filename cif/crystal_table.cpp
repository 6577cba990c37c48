#include "cif/crystal_table.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "cif/byte_source.h"
#include "cif/cif_file.h"
#include "cif/crystal_string.h"
#include "cif/csv.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {
constexpr const char* kIdColumns[] = {"material_id", "id"};
constexpr const char* kTextColumns[] = {"text", "gen_str", "original_gen_str"};
constexpr const char* kListColumns[] = {"lengths", "angles", "species", "coords"};
constexpr std::size_t kMaxCifBytes = std::size_t{256} << 20;
}  // namespace

/// One kind of input.
class CrystalReader::Source {
 public:
  virtual ~Source() = default;
  virtual std::optional<RawCrystal> next() = 0;
  std::string description;
};

namespace {

class CsvSource : public CrystalReader::Source {
 public:
  explicit CsvSource(const fs::path& path) : reader_(path) {
    for (const char* name : kIdColumns) {
      if (!id_) id_ = reader_.find(name);
    }
    std::size_t lists = 0;
    for (const char* name : kListColumns) lists += reader_.find(name).has_value();
    if (const auto cif = reader_.find("cif")) {
      kind_ = RawCrystal::Kind::kCif;
      crystal_ = {*cif};
      description = "CSV with CIFs";
    } else if (lists == 4) {
      kind_ = RawCrystal::Kind::kLists;
      for (const char* name : kListColumns) crystal_.push_back(*reader_.find(name));
      description = "CSV with lengths, angles, species, coords";
    } else {
      for (const char* name : kTextColumns) {
        if (const auto text = reader_.find(name); text && crystal_.empty()) {
          kind_ = RawCrystal::Kind::kText;
          crystal_ = {*text};
          description = fmt::format("CSV with crystal strings in column {}", name);
        }
      }
    }
    if (crystal_.empty()) {
      // the column that is most likely meant: a missing one of the four, or "cif"
      const char* wanted = "cif";
      for (const char* name : kListColumns) {
        if (lists > 0 && !reader_.find(name)) wanted = name;
      }
      throw DataError(missing_column_message(path, wanted, reader_.columns()),
                      "crystals are read from a column 'cif', or from 'lengths', 'angles', "
                      "'species' and 'coords', or from 'text'");
    }
  }

  std::optional<RawCrystal> next() override {
    if (!reader_.next(fields_)) return std::nullopt;
    RawCrystal raw;
    raw.kind = kind_;
    const auto& names = reader_.columns();
    if (fields_.size() != names.size()) {
      raw.kind = RawCrystal::Kind::kBadRow;
      raw.text = fmt::format("line {}: {} fields, the header has {}", reader_.line(),
                             fields_.size(), names.size());
      return raw;
    }
    if (id_) raw.id = fields_[*id_];
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      const auto at = std::find(crystal_.begin(), crystal_.end(), i);
      if (at == crystal_.end()) {
        raw.columns.emplace(names[i], fields_[i]);
      } else if (kind_ == RawCrystal::Kind::kLists) {
        raw.lists[at - crystal_.begin()] = std::move(fields_[i]);
      } else {
        raw.text = std::move(fields_[i]);
      }
    }
    return raw;
  }

 private:
  CsvReader reader_;
  RawCrystal::Kind kind_ = RawCrystal::Kind::kCif;
  std::vector<std::size_t> crystal_;  // columns of the crystal
  std::optional<std::size_t> id_;
  std::vector<std::string> fields_;
};

class JsonlSource : public CrystalReader::Source {
 public:
  explicit JsonlSource(const fs::path& path) : source_(path) { description = "JSONL"; }

  std::optional<RawCrystal> next() override {
    std::string line;
    do {
      if (!source_.read_line(line)) return std::nullopt;
      ++line_number_;
    } while (trim(line).empty());
    if (first_) check_first(line);
    first_ = false;
    RawCrystal raw;
    raw.kind = RawCrystal::Kind::kJson;
    raw.text = std::move(line);
    return raw;
  }

 private:
  /// A wrong file is told from a wrong line by its first line.
  void check_first(const std::string& line) const {
    const auto object = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!object.is_object()) {
      throw DataError(fmt::format("{}:{}: a JSON object a line is expected",
                                  source_.path().string(), line_number_));
    }
    if (object.contains("text") || object.contains("cif")) return;
    std::vector<std::string> names;
    for (const auto& [name, value] : object.items()) names.push_back(name);
    throw DataError(missing_column_message(source_.path(), "text", names),
                    "each JSON object needs a field 'text' with the crystal");
  }

  ByteSource source_;
  std::int64_t line_number_ = 0;
  bool first_ = true;
};

class FileSource : public CrystalReader::Source {
 public:
  FileSource(fs::path root, std::vector<fs::path> files)
      : root_(std::move(root)), files_(std::move(files)) {
    description = fmt::format("{} CIF file{}", files_.size(), files_.size() == 1 ? "" : "s");
  }

  std::optional<RawCrystal> next() override {
    if (position_ == files_.size()) return std::nullopt;
    const fs::path& path = files_[position_++];
    RawCrystal raw;
    raw.kind = RawCrystal::Kind::kFile;
    raw.id = path == root_ ? path.filename().string() : path.lexically_relative(root_).string();
    raw.text = path.string();
    return raw;
  }

 private:
  fs::path root_;
  std::vector<fs::path> files_;
  std::size_t position_ = 0;
};

/// Lower-case extension, the one before ".gz".
std::string extension_of(fs::path path) {
  if (path.extension() == ".gz") path.replace_extension();
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension;
}

bool is_cif(const fs::path& path) {
  const auto extension = extension_of(path);
  return extension == ".cif" || extension == ".mcif";
}

std::unique_ptr<CrystalReader::Source> open_folder(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(
           folder, fs::directory_options::skip_permission_denied, error);
       it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (it->path().filename().string().starts_with(".")) {
      it.disable_recursion_pending();
    } else if (it->is_regular_file(error) && is_cif(it->path())) {
      files.push_back(it->path());
    }
  }
  if (files.empty()) {
    throw DataError(fmt::format("{} holds no .cif file", folder.string()),
                    "name the file itself if it is a CSV or JSONL");
  }
  std::sort(files.begin(), files.end());
  return std::make_unique<FileSource>(folder, std::move(files));
}

std::unique_ptr<CrystalReader::Source> open_input(const fs::path& input) {
  std::error_code error;
  if (fs::is_directory(input, error)) return open_folder(input);
  const auto extension = extension_of(input);
  if (is_cif(input)) {
    ByteSource readable(input);  // a missing file is an error here, not a verdict
    return std::make_unique<FileSource>(input, std::vector{input});
  }
  if (extension == ".csv") return std::make_unique<CsvSource>(input);
  if (extension == ".jsonl" || extension == ".ndjson" || extension == ".json") {
    return std::make_unique<JsonlSource>(input);
  }
  // by content: an object, a data block, else a table
  std::string head(1 << 13, '\0');
  ByteSource source(input);
  head.resize(source.read(head.data(), head.size()));
  const auto text = trim(head);
  if (text.starts_with("{")) return std::make_unique<JsonlSource>(input);
  if (text.starts_with("data_") || text.find("\ndata_") != std::string_view::npos) {
    // a table's quoted CIF follows a header line with a comma
    if (text.substr(0, text.find('\n')).find(',') == std::string_view::npos) {
      return std::make_unique<FileSource>(input, std::vector{input});
    }
  }
  return std::make_unique<CsvSource>(input);
}

CrystalRecord one_record(std::string id, ParsedCrystal parsed,
                         std::map<std::string, std::string> columns = {}) {
  CrystalRecord record;
  record.id = std::move(id);
  record.columns = std::move(columns);
  record.parsed = std::move(parsed);
  return record;
}

std::string json_text(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

CrystalRecord parse_json(const std::string& line) {
  const auto object = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) {
    return one_record("", rejected(RejectReason::kUnreadableRow, "not a JSON object"));
  }
  CrystalRecord record;
  for (const char* name : kIdColumns) {
    if (record.id.empty() && object.contains(name)) record.id = json_text(object[name]);
  }
  const char* field = object.contains("text") ? "text" : "cif";
  for (const auto& [name, value] : object.items()) {
    if (name != field) record.columns.emplace(name, json_text(value));
  }
  if (!object.contains(field) || !object[field].is_string()) {
    record.parsed = rejected(RejectReason::kUnreadableRow, "no field 'text' with a string");
  } else {
    record.parsed = parse_crystal_text(object[field].get_ref<const std::string&>());
  }
  return record;
}

std::vector<CrystalRecord> parse_file(const std::string& id, const std::string& path) {
  std::vector<CrystalRecord> records;
  std::vector<CifBlock> blocks;
  try {
    blocks = read_cif_blocks(read_all(path, kMaxCifBytes));
  } catch (const DataError& error) {  // one unreadable file does not end the scoring of a folder
    records.push_back(one_record(id, rejected(RejectReason::kUnreadableCif, error.what())));
    return records;
  }
  for (auto& block : blocks) {
    records.push_back(one_record(blocks.size() == 1 ? id : id + "#" + block.name,
                                 std::move(block.parsed), {{"block", block.name}}));
  }
  return records;
}

}  // namespace

std::size_t RawCrystal::bytes() const {
  std::size_t total = text.size();
  for (const auto& list : lists) total += list.size();
  for (const auto& [name, value] : columns) total += name.size() + value.size();
  return total;
}

ParsedCrystal parse_crystal_text(std::string_view text) {
  const std::string_view whole = before_end_marker(text);
  if (whole.find("_cell_length_a") != std::string_view::npos) {
    for (auto at = whole.find("data_"); at != std::string_view::npos; at = whole.find("data_", at + 1)) {
      if (at == 0 || whole[at - 1] == '\n' || whole[at - 1] == ' ') return read_cif(whole.substr(at));
    }
  }
  return parse_crystal_string(crystal_part(text));
}

CrystalReader::CrystalReader(const fs::path& input) : source_(open_input(input)) {}
CrystalReader::~CrystalReader() = default;
CrystalReader::CrystalReader(CrystalReader&&) noexcept = default;
CrystalReader& CrystalReader::operator=(CrystalReader&&) noexcept = default;

const std::string& CrystalReader::description() const { return source_->description; }

std::optional<RawCrystal> CrystalReader::next_raw() { return source_->next(); }

std::vector<CrystalRecord> CrystalReader::parse(RawCrystal raw) {
  std::vector<CrystalRecord> records;
  switch (raw.kind) {
    case RawCrystal::Kind::kFile:
      return parse_file(raw.id, raw.text);
    case RawCrystal::Kind::kJson:
      records.push_back(parse_json(raw.text));
      break;
    case RawCrystal::Kind::kBadRow:
      records.push_back(one_record(std::move(raw.id),
                                   rejected(RejectReason::kUnreadableRow, std::move(raw.text))));
      break;
    case RawCrystal::Kind::kCif:
      records.push_back(one_record(std::move(raw.id), read_cif(raw.text), std::move(raw.columns)));
      break;
    case RawCrystal::Kind::kText:
      records.push_back(
          one_record(std::move(raw.id), parse_crystal_text(raw.text), std::move(raw.columns)));
      break;
    case RawCrystal::Kind::kLists:
      records.push_back(
          one_record(std::move(raw.id),
                     parse_crystal_lists(raw.lists[0], raw.lists[1], raw.lists[2], raw.lists[3]),
                     std::move(raw.columns)));
      break;
  }
  return records;
}

std::optional<CrystalRecord> CrystalReader::next() {
  if (waiting_.empty()) {
    auto raw = next_raw();
    if (!raw) return std::nullopt;
    waiting_ = parse(*std::move(raw));
    std::reverse(waiting_.begin(), waiting_.end());
  }
  CrystalRecord record = std::move(waiting_.back());
  waiting_.pop_back();
  record.index = next_index_++;
  if (record.id.empty()) record.id = std::to_string(record.index);
  return record;
}

}  // namespace anneal
