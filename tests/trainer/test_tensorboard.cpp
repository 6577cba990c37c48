// TensorBoard files, byte for byte against the records of TensorBoard's own writer
// (references/make_tensorboard_reference.py).
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "tests/catch.h"
#include "tests/source_folder.h"
#include "tests/temporary_folder.h"
#include "trainer/tensorboard.h"

using namespace anneal;

namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

}  // namespace

TEST_CASE("CRC-32C equals the check values of RFC 3720") {
  CHECK(crc32c("123456789") == 0xe3069283u);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aau);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43u);
  CHECK(crc32c("") == 0u);
}

TEST_CASE("TensorBoard records equal those of TensorBoard's writer") {
  const anneal::testing::TemporaryFolder folder;
  TensorBoardWriter writer(folder / "tb");
  const auto version_bytes = std::filesystem::file_size(writer.path());
  CHECK(version_bytes == 8 + 4 + 9 + 15 + 4);  // wall_time, file_version
  writer.scalar("loss", 0, 7.625, 1700000000.25);
  writer.scalar("loss", 1, 0.1, 1700000001.5);
  writer.scalar("lr", 300, 3e-4, 1700000002.0);
  writer.scalar("validation/general", 10'000'000'000, -1.5, 1700000003.0);
  writer.flush();
  std::ifstream reference(anneal::testing::source_folder() / "tests/trainer/references/tensorboard.hex");
  std::string expected, line;
  while (std::getline(reference, line)) expected += line;
  REQUIRE(!expected.empty());
  CHECK(hex(read_file(writer.path()).substr(version_bytes)) == expected);
}

TEST_CASE("two TensorBoard writers never share a file; a folder that cannot be made is an error") {
  const anneal::testing::TemporaryFolder folder;
  TensorBoardWriter a(folder / "tb"), b(folder / "tb");
  CHECK(a.path() != b.path());
  CHECK(a.path().filename().string().rfind("events.out.tfevents.", 0) == 0);
  CHECK_THROWS_AS(TensorBoardWriter("/proc/no/such/folder"), DataError);
}
