// base/: text, files, random numbers, fingerprints.
#include <csignal>
#include <set>

#include <sys/resource.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/files.h"
#include "base/fingerprint.h"
#include "base/random.h"
#include "base/rank_status.h"
#include "base/text.h"
#include "tests/catch.h"
#include "tests/temporary_folder.h"

using namespace anneal;

TEST_CASE("UTF-8 validation accepts what RFC 3629 accepts and nothing else") {
  CHECK_FALSE(first_invalid_utf8("plain, é, 漢, 🙂"));
  CHECK(first_invalid_utf8("ab\xff") == 2u);
  CHECK(first_invalid_utf8("a\xc0\x80") == 1u);          // overlong
  CHECK(first_invalid_utf8("\xed\xa0\x80") == 0u);       // surrogate
  CHECK(first_invalid_utf8("\xf4\x90\x80\x80") == 0u);   // above U+10FFFF
  CHECK(first_invalid_utf8("ok\xe6\xbc") == 2u);         // cut short
}

TEST_CASE("nearest name and number formats") {
  CHECK(nearest_name("seqence_length", {"steps", "sequence_length"}) == "sequence_length");
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(with_commas(1234567) == "1,234,567");
  CHECK(with_commas(-999) == "-999");
  CHECK(human_duration(3725) == "1h 02m");
}

TEST_CASE("an atomic write leaves the whole file and no temporary one") {
  testing::TemporaryFolder folder;
  write_file_atomic(folder / "a/b.txt", "one");
  write_file_atomic(folder / "a/b.txt", "two");
  CHECK(read_file(folder / "a/b.txt") == "two");
  CHECK(expand_paths((folder / "a").string()).size() == 1);
  CHECK_THROWS_AS(read_file(folder / "missing"), DataError);
  CHECK_THROWS_AS(write_file_atomic("/proc/nowhere/x", "y"), DataError);
}

TEST_CASE("a file written piece by piece appears when it is whole, or not at all") {
  testing::TemporaryFolder folder;
  const std::string large(1 << 20, 'x');
  {
    AtomicFile file(folder / "f");
    file.write("head ");
    file.write(large);
    file.write(" tail");
    CHECK(file.written() == large.size() + 10);
    CHECK_FALSE(std::filesystem::exists(folder / "f"));
    file.commit();
    CHECK(read_file(folder / "f") == "head " + large + " tail");
  }
  CHECK(read_file(folder / "f").size() == large.size() + 10);
  {
    AtomicFile abandoned(folder / "f");
    abandoned.write(large);
  }
  CHECK(read_file(folder / "f").size() == large.size() + 10);
  // No room: the error names the file and the remedy, and the old content stays.
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 1 << 19;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  std::string message;
  try {
    write_file_atomic(folder / "f", large);
  } catch (const DataError& error) {
    message = error.full_message();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(message.find((folder / "f").string()) != std::string::npos);
  CHECK(message.find("the disk is full") != std::string::npos);
  CHECK(read_file(folder / "f").size() == large.size() + 10);
  CHECK(expand_paths(folder.path().string()).size() == 1);
}

TEST_CASE("permutations are permutations and depend on the key only") {
  const auto a = permutation(1000, derive_key({1, 2})), b = permutation(1000, derive_key({1, 2}));
  CHECK(a == b);
  CHECK(std::set<std::uint64_t>(a.begin(), a.end()).size() == 1000);
  CHECK(a != permutation(1000, derive_key({2, 1})));
  Random random(7);
  double sum = 0, squares = 0;
  for (int i = 0; i < 20000; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
  }
  CHECK(std::abs(sum / 20000) < 0.03);  // four standard errors of the mean
  CHECK(squares / 20000 == Approx(1.0).margin(0.05));
}

TEST_CASE("fingerprints of a file and of its bytes agree") {
  testing::TemporaryFolder folder;
  write_file_atomic(folder / "x", "some bytes");
  CHECK(fingerprint_file(folder / "x") == fingerprint("some bytes"));
  Fingerprinter pieces;
  pieces.add("some ");
  pieces.add("bytes");
  CHECK(pieces.hex() == fingerprint("some bytes"));
  CHECK(fingerprint("a") != fingerprint("b"));
}

TEST_CASE("durations are read as people and Slurm write them") {
  CHECK(parse_duration_s("90") == 90);
  CHECK(parse_duration_s("90s") == 90);
  CHECK(parse_duration_s("1h 30m") == 5400);
  CHECK(parse_duration_s("1d2h3m4s") == 93784);
  CHECK(parse_duration_s("12:30") == 750);
  CHECK(parse_duration_s("01:30:00") == 5400);
  CHECK(parse_duration_s("2-12:00:00") == 216000);
  for (const char* wrong : {"", "soon", "1x", "30m 1h", "1:60", "1:2:3:4", "2-12:00", "-5", "1h 30", ":30"}) {
    CHECK_FALSE(parse_duration_s(wrong));
  }
}

TEST_CASE("what a rank is doing reads as a sentence") {
  RankStatus status;
  CHECK(describe(status).empty());
  status.step = 12;
  CHECK(describe(status) == "at step 12");
  status.begin("all-gather of blocks.2");
  CHECK(describe(status) == "at step 12, in all-gather of blocks.2");
  status.end();
  CHECK(describe(status) == "at step 12, after all-gather of blocks.2");
  status.begin(std::string(500, 'x'));  // longer than the page has room for: cut
  CHECK(describe(status).size() < 200);
}
