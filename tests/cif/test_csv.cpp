// CSV and the crystal tables built on it.
#include <zlib.h>

#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "cif/cif_file.h"
#include "cif/crystal_table.h"
#include "cif/csv.h"
#include "tests/catch.h"
#include "tests/temporary_folder.h"

using namespace anneal;
using Catch::Matchers::Contains;
using Rows = std::vector<std::vector<std::string>>;

namespace {
Rows rows_of(const std::string& text) {
  testing::TemporaryFolder folder;
  write_file_atomic(folder / "a.csv", text);
  CsvReader reader(folder / "a.csv");
  Rows rows{reader.columns()};
  for (std::vector<std::string> row; reader.next(row);) rows.push_back(row);
  return rows;
}

std::vector<CrystalRecord> records_of(const std::filesystem::path& path) {
  CrystalReader reader(path);
  std::vector<CrystalRecord> records;
  while (auto record = reader.next()) records.push_back(*std::move(record));
  return records;
}
const std::string kIron = "3.0 3.0 3.0\n90 90 90\nFe\n0.10 0.20 0.30";
}  // namespace

TEST_CASE("CSV follows RFC 4180") {
  CHECK(rows_of("a,b\n1,2\n") == Rows{{"a", "b"}, {"1", "2"}});
  CHECK(rows_of("a,b\r\n1,2\r\n\r\n3,4") == Rows{{"a", "b"}, {"1", "2"}, {"3", "4"}});
  CHECK(rows_of("\xEF\xBB\xBF"
                "a,b\n1,\n") == Rows{{"a", "b"}, {"1", ""}});
  CHECK(rows_of("a,b\n\"x,\"\"y\"\"\nz\",2\n") == Rows{{"a", "b"}, {"x,\"y\"\nz", "2"}});
  CHECK(rows_of("a\n\"\"\"\"\n") == Rows{{"a"}, {"\""}});
  CHECK(rows_of("a\n\"\"\n\nx\n\"\"\r\n") == Rows{{"a"}, {""}, {"x"}, {""}});  // an empty field, no blank line
  CHECK(rows_of("a,b\n\"1\"\r\n") == Rows{{"a", "b"}, {"1"}});
  CHECK(rows_of("a,b\nx\"y,2\n") == Rows{{"a", "b"}, {"x\"y", "2"}});
  const std::string large(1'000'000, 'q');
  CHECK(rows_of("a,b\n\"" + large + "\n\"," + large + "\n") ==
        Rows{{"a", "b"}, {large + "\n", large}});
  CHECK_THROWS_AS(rows_of("a,b\n\"1,2\n"), DataError);
  CHECK_THROWS_AS(rows_of(""), DataError);
}

TEST_CASE("CSV quotes may fall on any buffer border") {
  for (std::size_t shift : {131060u, 131070u, 131071u, 131072u, 131073u}) {
    const std::string filler(shift - 4, 'f');
    CHECK(rows_of("a,b\n" + filler + ",\"x\"\"y\r\nz\"\r\n1,2\r\n") ==
          Rows{{"a", "b"}, {filler, "x\"y\r\nz"}, {"1", "2"}});
  }
}

TEST_CASE("a missing column is named with what there is") {
  testing::TemporaryFolder folder;
  write_file_atomic(folder / "t.csv", "id,ciff,density\n1,x,2\n");
  CHECK_THROWS_WITH(CrystalReader(folder / "t.csv"), Contains("t.csv") && Contains("'cif'") &&
                                                         Contains("'density'") &&
                                                         Contains("nearest name is 'ciff'"));
  write_file_atomic(folder / "u.csv", "lengths,angles,species,coord\n");
  CHECK_THROWS_WITH(CrystalReader(folder / "u.csv"),
                    Contains("'coords'") && Contains("nearest name is 'coord'"));
  write_file_atomic(folder / "v.jsonl", "{\"txt\": \"a\"}\n");
  CHECK_THROWS_WITH(records_of(folder / "v.jsonl"), Contains("'text'") && Contains("'txt'"));
  CHECK_THROWS_AS(CrystalReader(folder / "none.csv"), DataError);
  CHECK_THROWS_AS(CrystalReader(folder / "none.cif"), DataError);
  CHECK_THROWS_AS(CrystalReader(folder.path()), DataError);
}

TEST_CASE("every kind of input gives its crystals") {
  testing::TemporaryFolder folder;
  const std::string cif = write_cif({{3, 3, 3, 90, 90, 90}, {{26, {.1, .2, .3}}}});
  std::string quoted = cif;  // holds no quotes but single ones

  write_file_atomic(folder / "a.csv",
                    "material_id,cif,e\nm1,\"" + quoted + "\",0.5\nm2,\"" + quoted + "\"\n");
  auto records = records_of(folder / "a.csv");
  REQUIRE(records.size() == 2);
  CHECK(records[0].id == "m1");
  CHECK(records[0].parsed.crystal);
  CHECK(records[0].columns.at("e") == "0.5");
  CHECK(records[1].parsed.reason == RejectReason::kUnreadableRow);

  write_file_atomic(folder / "b.csv",
                    "lengths,angles,species,coords\n\"[3.0, 3, 3.0]\",\"[90.0, 90.0, "
                    "90.0]\",\"['Fe', 'O']\",\"[[0.1, 0.2, 0.3], [0, 0, 0]]\"\n"
                    "\"[3 3 3]\",\"[90 90 90]\",\"['Fe' 'O']\",\"[[0.1 0.2 0.3]]\"\n"
                    "\"[3, 3, 3]\",\"[90, 90, 90]\",[],[]\n\"[3, 3]\",\"[90, 90, "
                    "90]\",\"['Fe']\",\"[[0, 0, 0]]\"\n"
                    "\"[3, 3, 3]\",\"[90, 90, 90]\",\"['Fe']\",\"[[0, 0]]\"\n\"[3, 3, 3]\",\"[90, "
                    "90, 90\",\"['Fe']\",\"[[0, 0, 0]]\"\n"
                    "\"[3, nan, 3]\",\"[90, 90, 90]\",\"['Fe']\",\"[[0, 0, 0]]\"\n");
  records = records_of(folder / "b.csv");
  REQUIRE(records.size() == 7);
  CHECK(records[0].parsed.crystal->sites[1].atomic_number == 8);
  CHECK(records[0].id == "0");
  CHECK(records[1].parsed.reason == RejectReason::kMissingCoordinates);
  CHECK(records[2].parsed.reason == RejectReason::kNoSites);
  CHECK(records[3].parsed.reason == RejectReason::kNoLattice);
  CHECK(records[4].parsed.reason == RejectReason::kMissingCoordinates);
  CHECK(records[5].parsed.reason == RejectReason::kNoLattice);
  CHECK(records[6].parsed.reason == RejectReason::kNotFinite);

  std::string line = kIron;
  for (std::size_t at; (at = line.find('\n')) != std::string::npos;) line.replace(at, 1, "\\n");
  write_file_atomic(
      folder / "c.jsonl",
      "{\"text\": \"" + line +
          "\", \"seed\": 3}\n\nnot json\n{\"text\": 4}\n{\"id\": \"z\", \"text\": \"\"}\n");
  records = records_of(folder / "c.jsonl");
  REQUIRE(records.size() == 4);
  CHECK(records[0].parsed.crystal);
  CHECK(records[0].columns.at("seed") == "3");
  CHECK(records[1].parsed.reason == RejectReason::kUnreadableRow);
  CHECK(records[2].parsed.reason == RejectReason::kUnreadableRow);
  CHECK(records[3].parsed.reason == RejectReason::kEmpty);
  CHECK(records[3].id == "z");

  write_file_atomic(folder / "cifs/one.cif", cif);
  write_file_atomic(folder / "cifs/sub/two.CIF", cif + "\n" + cif);
  gzFile gz = ::gzopen((folder / "cifs/three.cif.gz").c_str(), "wb");
  ::gzwrite(gz, cif.data(), static_cast<unsigned>(cif.size()));
  ::gzclose(gz);
  records = records_of(folder / "cifs");
  REQUIRE(records.size() == 4);
  for (const auto& record : records) CHECK(record.parsed.crystal);
  CHECK(records[1].id == "sub/two.CIF#Fe");
  CHECK(records[2].index == 2);
  CHECK(records_of(folder / "cifs/one.cif").size() == 1);
  write_file_atomic(folder / "plain", cif);
  CHECK(records_of(folder / "plain").size() == 1);
}
