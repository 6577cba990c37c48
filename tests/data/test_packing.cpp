// Rows from documents: nothing lost, nothing split that must stay whole.
#include "data/packing.h"

#include "base/random.h"
#include "tests/catch.h"

using namespace anneal;

namespace {
/// Every row fits; every token of every document is in exactly one piece, but for truncated ends.
void check_rows(const std::vector<PackItem>& documents, const PackedRows& rows, std::int64_t length) {
  std::vector<std::int64_t> seen(documents.size());
  for (std::uint64_t r = 0; r < rows.size(); ++r) {
    std::int64_t used = 0;
    REQUIRE(!rows.row(r).empty());
    for (const auto& piece : rows.row(r)) {
      REQUIRE(piece.length > 0);
      CHECK(piece.start == seen[piece.document]);
      seen[piece.document] += piece.length;
      used += piece.length;
    }
    CHECK(used <= length);
  }
  for (std::size_t d = 0; d < documents.size(); ++d) {
    CHECK(seen[d] == (documents[d].whole ? std::min(documents[d].length, length) : documents[d].length));
  }
}
}  // namespace

TEST_CASE("plain documents fill rows in order") {
  const std::vector<PackItem> documents = {{3}, {10}, {1}, {2}};
  const PackedRows rows = pack_rows(documents, 4);
  check_rows(documents, rows, 4);
  REQUIRE(rows.size() == 4);
  CHECK(rows.row(0)[1] == RowPiece{1, 0, 1});
  CHECK(rows.row(1)[0] == RowPiece{1, 1, 4});
  CHECK(rows.row(3).size() == 3);
}

TEST_CASE("whole documents are not split; best fit; long ones are cut and counted") {
  const std::vector<PackItem> documents = {{6, true}, {5, true}, {4, true}, {25, true}, {10, true}};
  const PackedRows rows = pack_rows(documents, 10);
  check_rows(documents, rows, 10);
  CHECK(rows.num_truncated_documents == 1);
  CHECK(rows.num_truncated_tokens == 15);
  REQUIRE(rows.size() == 4);
  CHECK(rows.row(0)[0].document == 0);
  CHECK(rows.row(0)[1].document == 2);
  CHECK(rows.row(1)[0].document == 1);
}

TEST_CASE("any mix of both kinds packs without loss and tightly") {
  Random random(5);
  for (const std::int64_t length : {1, 7, 64, 256}) {
    std::vector<PackItem> documents;
    std::int64_t tokens = 0;
    for (int i = 0; i < 2000; ++i) {
      documents.push_back({static_cast<std::int64_t>(1 + random.below(100)), random.below(3) > 0});
      tokens += documents.back().whole ? std::min(documents.back().length, length) : documents.back().length;
    }
    const PackedRows rows = pack_rows(documents, length);
    check_rows(documents, rows, length);
    if (length == 256) CHECK(static_cast<double>(tokens) / static_cast<double>(rows.size() * 256) > 0.97);
  }
  CHECK(pack_rows({}, 8).size() == 0);
}
