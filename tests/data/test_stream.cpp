// The token stream: rows, targets, borders, order.
#include "data/token_stream.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/random.h"
#include "tests/catch.h"
#include "tests/data/shard_fixture.h"
#include "tests/temporary_folder.h"

using namespace anneal;

namespace {

std::vector<int> random_lengths(int count, std::uint64_t below) {
  Random random(11);
  std::vector<int> lengths;
  for (int i = 0; i < count; ++i) lengths.push_back(static_cast<int>(1 + random.below(below)));
  return lengths;
}

void append(TokenBatch& to, const TokenBatch& from) {
  to.rows += from.rows;
  to.length = from.length;
  to.num_targets += from.num_targets;
  to.tokens.insert(to.tokens.end(), from.tokens.begin(), from.tokens.end());
  to.targets.insert(to.targets.end(), from.targets.begin(), from.targets.end());
  to.positions.insert(to.positions.end(), from.positions.begin(), from.positions.end());
  to.documents.insert(to.documents.end(), from.documents.begin(), from.documents.end());
  to.row_ids.insert(to.row_ids.end(), from.row_ids.begin(), from.row_ids.end());
}

void check_equal(const TokenBatch& a, const TokenBatch& b) {
  CHECK(a.rows == b.rows);
  CHECK(a.num_targets == b.num_targets);
  CHECK(a.tokens == b.tokens);
  CHECK(a.targets == b.targets);
  CHECK(a.positions == b.positions);
  CHECK(a.documents == b.documents);
  CHECK(a.row_ids == b.row_ids);
}

}  // namespace

TEST_CASE("rows of plain documents: tokens, targets, positions, borders") {
  const testing::TemporaryFolder folder;
  testing::write_shards(folder.path(), {3, 6, 2});
  const TokenStream stream(folder.path(), "general", 4, /*isolate_documents=*/true, 1);
  CHECK(stream.rows_per_epoch() == 3);
  CHECK(stream.num_tokens() == 11);
  CHECK(stream.vocab_size() == 50'000);
  const TokenBatch batch = stream.rows(0, 3);
  const TokenId n = kNoTarget;
  CHECK(batch.tokens == std::vector<TokenId>{0, 1, 2, 1000, 1001, 1002, 1003, 1004, 1005, 2000, 2001, 0});
  // the last token of a row predicts the first of the next row, within a document
  CHECK(batch.targets == std::vector<TokenId>{1, 2, n, 1001, 1002, 1003, 1004, 1005, n, 2001, n, n});
  CHECK(batch.positions == std::vector<std::int32_t>{0, 1, 2, 0, 0, 1, 2, 3, 0, 0, 1, 0});
  CHECK(batch.documents == std::vector<std::int32_t>{0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, -1});
  CHECK(batch.num_targets == 8);
  CHECK(batch.row_ids == std::vector<std::uint64_t>{0, 1, 2});
  // past the end of a held-out split: padding, so that ranks may ask for equally many rows
  const TokenBatch beyond = stream.rows(3, 1);
  CHECK(beyond.num_targets == 0);
  CHECK(beyond.documents == std::vector<std::int32_t>{-1, -1, -1, -1});
}

TEST_CASE("rows of one stream: positions run on, targets cross the borders") {
  const testing::TemporaryFolder folder;
  testing::write_shards(folder.path(), {3, 6, 2});
  const TokenBatch batch = TokenStream(folder.path(), "general", 4, /*isolate_documents=*/false, 1).rows(0, 3);
  const TokenId n = kNoTarget;
  CHECK(batch.targets == std::vector<TokenId>{1, 2, 1000, 1001, 1002, 1003, 1004, 1005, 2000, 2001, n, n});
  CHECK(batch.positions == std::vector<std::int32_t>{0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 0});
  CHECK(batch.documents == std::vector<std::int32_t>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1});
}

TEST_CASE("no prediction is lost or made twice") {
  const testing::TemporaryFolder folder;
  const auto lengths = random_lengths(200, 90);
  testing::write_shards(folder.path(), lengths, 300'000);
  std::int64_t expected = 0;
  for (const int length : lengths) expected += length - 1;
  for (const std::int64_t row : {1, 7, 32, 500}) {
    const TokenStream stream(folder.path(), "train", row, true, 9);
    const TokenBatch batch = stream.rows(0, static_cast<std::int64_t>(stream.rows_per_epoch()));
    CHECK(batch.num_targets == expected);
    std::set<std::pair<TokenId, TokenId>> pairs;
    for (std::size_t i = 0; i < batch.tokens.size(); ++i) {
      if (batch.targets[i] == kNoTarget) continue;
      CHECK(batch.targets[i] == batch.tokens[i] + 1);
      pairs.emplace(batch.tokens[i], batch.targets[i]);
    }
    CHECK(static_cast<std::int64_t>(pairs.size()) == expected);
  }
}

TEST_CASE("instruction rows: loss on the answer, documents whole") {
  const testing::TemporaryFolder folder;
  const auto lengths = random_lengths(120, 30);
  testing::write_shards(folder.path(), lengths, 300'000, /*whole_every=*/1);
  const TokenStream stream(folder.path(), "train", 32, true, 9);
  const TokenBatch batch = stream.rows(0, static_cast<std::int64_t>(stream.rows_per_epoch()));
  std::int64_t expected = 0;
  for (const int length : lengths) expected += length - std::max(1, length / 2);
  CHECK(batch.num_targets == expected);
  CHECK(stream.num_truncated_documents() == 0);
  for (std::size_t i = 0; i < batch.tokens.size(); ++i) {
    if (batch.documents[i] < 0) continue;
    // a document starts at its first token, so it is whole
    if (batch.positions[i] == 0) CHECK(batch.tokens[i] % 1000 == 0);
    const auto length = lengths[static_cast<std::size_t>(batch.tokens[i] / 1000)];
    const int next = batch.tokens[i] % 1000 + 1;
    CHECK((batch.targets[i] != kNoTarget) == (next < length && next >= length / 2));
  }
}

TEST_CASE("instructions without an answer in the row are left out, cut ones are counted") {
  const testing::TemporaryFolder folder;
  // the second half of each is the answer: token j of n is a target from j = n / 2 on
  testing::write_shards(folder.path(), {8, 18, 20, 22, 30}, 50'000, /*whole_every=*/1);
  const TokenStream stream(folder.path(), "train", 10, true, 1);
  CHECK(stream.num_documents() == 5);
  CHECK(stream.num_dropped_documents() == 2);    // 22 and 30: their answers begin at 11 and 15
  CHECK(stream.num_truncated_documents() == 2);  // 18 and 20
  CHECK(stream.rows_per_epoch() == 3);
  const TokenBatch batch = stream.rows(0, 3);
  CHECK(batch.num_targets == 4 + 2 + 1);
  for (const TokenId token : batch.tokens) CHECK(token < 3000);
  // rows in which everything fits are as before
  const TokenStream longer(folder.path(), "train", 30, true, 1);
  CHECK(longer.num_dropped_documents() == 0);
  CHECK(longer.num_truncated_documents() == 0);

  const testing::TemporaryFolder all_long;
  testing::write_shards(all_long.path(), {22, 30}, 50'000, /*whole_every=*/1);
  CHECK_THROWS_AS(TokenStream(all_long.path(), "train", 10, true, 1), DataError);
  CHECK(TokenStream(all_long.path(), "general", 10, true, 1).rows_per_epoch() == 0);  // held out
}

TEST_CASE("the order does not depend on who asks") {
  const testing::TemporaryFolder folder;
  testing::write_shards(folder.path(), random_lengths(300, 60), 300'000, /*whole_every=*/3);
  const TokenStream stream(folder.path(), "train", 32, true, 5);
  const auto n = static_cast<std::int64_t>(stream.rows_per_epoch());
  const TokenBatch all = stream.rows(0, 2 * n + 5);
  TokenBatch joined;
  for (std::int64_t i = 0; i < all.rows; ++i) append(joined, stream.rows(static_cast<std::uint64_t>(i), 1));
  check_equal(all, joined);
  // another stream, asked from the middle as after a resume
  const TokenStream again(folder.path(), "train", 32, true, 5);
  check_equal(stream.rows(static_cast<std::uint64_t>(n - 3), 6), again.rows(static_cast<std::uint64_t>(n - 3), 6));

  // each epoch is a permutation of the rows, and another one
  const auto first = std::vector<std::uint64_t>(all.row_ids.begin(), all.row_ids.begin() + n);
  const auto second = std::vector<std::uint64_t>(all.row_ids.begin() + n, all.row_ids.begin() + 2 * n);
  CHECK(std::set<std::uint64_t>(first.begin(), first.end()).size() == static_cast<std::size_t>(n));
  CHECK(std::set<std::uint64_t>(second.begin(), second.end()).size() == static_cast<std::size_t>(n));
  CHECK(first != second);
  CHECK(TokenStream(folder.path(), "train", 32, true, 6).rows(0, n).row_ids != first);
}

TEST_CASE("fingerprints and splits of a stream") {
  const testing::TemporaryFolder folder;
  testing::write_shards(folder.path(), {30, 40, 50});
  const auto of = [&](const std::string& split, std::int64_t length, bool isolate, std::uint64_t seed) {
    return TokenStream(folder.path(), split, length, isolate, seed).fingerprint();
  };
  CHECK(of("train", 8, true, 1) == of("train", 8, true, 1));
  const std::set<std::string> different = {of("train", 8, true, 1), of("train", 9, true, 1), of("train", 8, false, 1),
                                           of("train", 8, true, 2), of("general", 8, true, 1)};
  CHECK(different.size() == 5);
  CHECK(TokenStream::heldout_splits(folder.path()) == std::vector<std::string>{"general"});
  try {
    TokenStream(folder.path(), "generol", 8, true, 1);
    FAIL("a split that is not there was opened");
  } catch (const DataError& error) {
    CHECK(error.full_message().find("did you mean 'general'?") != std::string::npos);
  }
}

TEST_CASE("random tokens need no shards: every row is a pure function of seed and index") {
  const TokenStream stream = TokenStream::synthetic(50, 1000, 24, 7);
  CHECK(stream.rows_per_epoch() == 50);
  CHECK(stream.num_tokens() == 50 * 24);
  const TokenBatch both = stream.rows(48, 4);  // over the end of an epoch
  const TokenBatch second = stream.rows(49, 1);
  CHECK(std::equal(second.tokens.begin(), second.tokens.end(), both.tokens.begin() + 24));
  CHECK(both.num_targets == 4 * 24);
  std::set<TokenId> seen;
  for (std::int64_t row = 0; row < 4; ++row) {
    for (std::int64_t i = 0; i < 24; ++i) {
      const auto cell = static_cast<std::size_t>(row * 24 + i);
      CHECK(both.positions[cell] == i);
      CHECK(both.documents[cell] == 0);
      if (i > 0) CHECK(both.tokens[cell] == both.targets[cell - 1]);
      CHECK((both.targets[cell] >= 0 && both.targets[cell] < 1000));
      seen.insert(both.tokens[cell]);
    }
  }
  CHECK(seen.size() > 80);  // 96 draws from 1000: 92 different ones are expected
  const TokenStream other = TokenStream::synthetic(50, 1000, 24, 8);
  CHECK(other.rows(48, 1).tokens != stream.rows(48, 1).tokens);
  CHECK(other.fingerprint() != stream.fingerprint());
}
