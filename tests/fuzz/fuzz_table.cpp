// libFuzzer target: any bytes as the input of `anneal score`: the first byte says whether as CSV,
// JSONL or by content.
#include "base/error.h"
#include "cif/crystal_table.h"
#include "cif/csv.h"
#include "tests/fuzz/check.h"

using namespace anneal;
using anneal::fuzz::require;

namespace {

/// The plainest reading of RFC 4180 as this reader takes it, to compare with: a quote opens a field
/// only at its beginning; after the closing quote, more text is taken as it is.
std::size_t count_rows(CsvReader& reader) {
  std::vector<std::string> fields;
  std::size_t rows = 0;
  std::int64_t line = 0;
  while (reader.next(fields)) {
    require(!fields.empty(), "a row has fields");
    require(reader.line() > line, "rows begin on later and later lines");
    line = reader.line();
    ++rows;
  }
  return rows;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::InputFile csv(".csv"), jsonl(".jsonl"), any("");
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto& file = data[0] % 3 == 0 ? csv : data[0] % 3 == 1 ? jsonl : any;
  const auto& path = file.write(text);
  try {
    CrystalReader reader(path);
    std::int64_t index = 0;
    while (const auto record = reader.next()) {
      require(record->index == index++, "records are numbered in order");
      fuzz::require_verdict(record->parsed);
    }
  } catch (const DataError&) {  // a file that is no table: said in words
  }
  try {
    CsvReader reader(path);
    count_rows(reader);
  } catch (const DataError&) {
  }
  return 0;
}
