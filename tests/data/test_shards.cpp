// Token shards and their manifest: what is written is read; what is damaged is refused.
#include "data/token_shard.h"

#include <fstream>

#include <sys/mount.h>

#include "base/error.h"
#include "base/files.h"
#include "data/hdf5_file.h"
#include "data/token_manifest.h"
#include "data/token_stream.h"
#include "tests/catch.h"
#include "tests/data/shard_fixture.h"
#include "tests/temporary_folder.h"

using namespace anneal;
namespace fs = std::filesystem;

namespace {
void put(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

std::string open_fault(const fs::path& folder) {
  try {
    TokenStream(folder, "train", 16, true, 1).rows(0, 1);
  } catch (const DataError& error) {
    return error.full_message();
  }
  return "no DataError";
}
}  // namespace

TEST_CASE("a shard gives back what was written") {
  for (const int vocab_size : {50'000, 70'000}) {
    const testing::TemporaryFolder folder;
    TokenShardWriter writer(folder.path(), "train", "train", vocab_size, "t");
    const std::vector<TokenId> a = {1, 2, vocab_size - 1}, b = {7};
    const std::vector<std::uint8_t> loss = {0, 1, 1};
    writer.add({a, loss, 3, kNoTarget, true});
    writer.add({b, {}, 4, 42, false});
    writer.add({{}, {}, 0, kNoTarget, false});  // empty: left out
    const auto files = writer.finish();
    REQUIRE(files.size() == 1);
    CHECK(files[0].name == "train-00000.h5");
    CHECK(files[0].documents == 2);
    CHECK(files[0].tokens == 4);
    CHECK(files[0].has_whole);
    const TokenShard shard(folder.path(), files[0], vocab_size);
    CHECK(shard.num_documents() == 2);
    CHECK(shard.token(2) == vocab_size - 1);
    CHECK(shard.token(3) == 7);
    CHECK_FALSE(shard.loss(0));
    CHECK(shard.loss(3));
    CHECK(shard.whole(0));
    CHECK_FALSE(shard.whole(1));
    CHECK(shard.source(1) == 4);
    CHECK(shard.next(0) == kNoTarget);
    CHECK(shard.next(1) == 42);
    CHECK_THROWS_AS(TokenShard(folder.path(), files[0], vocab_size + 1), DataError);
  }
}

TEST_CASE("the same documents give the same file, bit for bit") {
  const testing::TemporaryFolder a, b;
  const auto first = testing::write_shards(a.path(), {5, 30, 12});
  const auto second = testing::write_shards(b.path(), {5, 30, 12});
  CHECK(first.files[0].fingerprint == second.files[0].fingerprint);
  CHECK(first.content_fingerprint() == second.content_fingerprint());
}

TEST_CASE("a shard or manifest cut anywhere, or changed, is refused") {
  const testing::TemporaryFolder folder;
  testing::write_shards(folder.path(), {5, 300, 12, 40});
  REQUIRE(open_fault(folder.path()) == "no DataError");
  const fs::path shard = folder / "train-00000.h5";
  const std::string whole = read_file(shard);
  for (std::size_t size = 0; size < whole.size(); size += size < 64 ? 8 : whole.size() / 23) {
    put(shard, whole.substr(0, size));
    INFO(size);
    const std::string message = open_fault(folder.path());
    CHECK(message.find("train-00000.h5") != std::string::npos);
    CHECK(message.find("expected") != std::string::npos);
    CHECK(message.find("hint: run `anneal prepare` again") != std::string::npos);
    // the HDF5 layer alone refuses it too
    CHECK_THROWS_AS(Hdf5Reader(shard), DataError);
  }
  for (std::size_t i = 0; i < whole.size(); i += whole.size() / 37) {
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    put(shard, changed);
    CHECK(open_fault(folder.path()).find("fingerprint") != std::string::npos);
  }
  fs::remove(shard);
  CHECK(open_fault(folder.path()).find("train-00000.h5") != std::string::npos);
  put(shard, whole);
  REQUIRE(open_fault(folder.path()) == "no DataError");

  const fs::path manifest = folder / "manifest.json";
  const std::string json = read_file(manifest);
  for (std::size_t size = 0; size + 2 < json.size(); size += json.size() / 41) {
    put(manifest, json.substr(0, size));
    INFO(size);
    CHECK(open_fault(folder.path()).find("manifest.json") != std::string::npos);
  }
  std::string changed = json;
  changed.replace(changed.find("\"vocab_size\": 50000"), 19, "\"vocab_size\": 50001");
  put(manifest, changed);
  CHECK(open_fault(folder.path()).find("is damaged: fingerprint") != std::string::npos);
  put(manifest, "{\"format\": \"other\"}");
  CHECK(open_fault(folder.path()).find("no manifest of token shards") != std::string::npos);
  fs::remove(manifest);
  CHECK(open_fault(folder.path()).find("manifest.json is missing") != std::string::npos);
}

TEST_CASE("a full disk leaves no shard") {
  const testing::TemporaryFolder folder;
  if (::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=64k") != 0) {
    WARN("skipped: no permission to mount a small tmpfs");
    return;
  }
  std::string message;
  try {
    TokenShardWriter writer(folder.path(), "train", "train", 1000, "t");
    const std::vector<TokenId> tokens(200'000, 5);
    writer.add({tokens, {}, 0, kNoTarget, false});
    writer.finish();
  } catch (const DataError& error) {
    message = error.full_message();
  }
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder.path())) ++files;
  ::umount(folder.path().c_str());
  CHECK(message.find("cannot write") != std::string::npos);
  CHECK(message.find("disk full") != std::string::npos);
  CHECK(files == 0);
}
