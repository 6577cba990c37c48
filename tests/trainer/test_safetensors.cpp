// The safetensors reader and writer: content, layout, damage, full disk. The layout's reference are
// the files that transformers and PEFT wrote with the format's own library (references/).
#include <ATen/ATen.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include "base/error.h"
#include "base/files.h"
#include "tests/catch.h"
#include "tests/source_folder.h"
#include "tests/temporary_folder.h"
#include "trainer/safetensors.h"

using namespace anneal;
using anneal::testing::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

const fs::path kReferences = anneal::testing::source_folder() / "tests" / "trainer" / "references";

/// A file with this header and `data_bytes` zero bytes.
void write_raw(const fs::path& path, const std::string& header, std::size_t data_bytes) {
  const std::uint64_t size = header.size();
  std::string bytes(reinterpret_cast<const char*>(&size), 8);
  write_file_atomic(path, bytes + header + std::string(data_bytes, '\0'));
}

std::string error_of(const fs::path& path) {
  try {
    SafetensorsFile::open(path);
  } catch (const DataError& error) {
    REQUIRE(error.code() == ExitCode::kData);
    CHECK(std::string(error.what()).find(path.string()) != std::string::npos);
    return error.what();
  }
  FAIL("no error for " << path);
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("safetensors: every element type survives a round trip") {
  TemporaryFolder folder;
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const auto dtype : {at::kFloat, at::kHalf, at::kBFloat16, at::kDouble, at::kLong, at::kInt,
                           at::kShort, at::kChar, at::kByte, at::kBool}) {
    tensors.emplace_back(std::string("t_") + at::toString(dtype),
                         at::arange(15).sub(7).to(dtype).view({3, 5}));
  }
  tensors.emplace_back("scalar", at::scalar_tensor(2.5));
  tensors.emplace_back("empty", at::empty({0, 4}));
  tensors.emplace_back("strided", at::arange(12).to(at::kFloat).view({3, 4}).t());
  write_safetensors(folder / "a.safetensors", tensors, {{"format", "pt"}, {"note", "a \"b\" \n"}});
  const auto file = SafetensorsFile::open(folder / "a.safetensors");
  CHECK(file.metadata().at("note") == "a \"b\" \n");
  CHECK(file.tensors().size() == tensors.size());
  for (const auto& [name, tensor] : tensors) {
    INFO(name);
    const at::Tensor read = file.tensor(name);
    CHECK(read.scalar_type() == tensor.scalar_type());
    CHECK(read.sizes() == tensor.sizes());
    CHECK(at::equal(read, tensor));
  }
  CHECK_THROWS_AS(file.tensor("strode"), DataError);
  // a tensor is the process's own copy: writing to it leaves the file alone
  file.tensor("strided").fill_(9);
  CHECK(SafetensorsFile::open(folder / "a.safetensors").tensor("strided")[0][0].item<float>() == 0);
}

TEST_CASE("safetensors: files are laid out byte for byte as the format's own library does") {
  TemporaryFolder folder;
  for (const char* name : {"tiny_tied/model", "tiny_bf16/model", "tiny_adapter/adapter_model"}) {
    const fs::path original = kReferences / (std::string(name) + ".safetensors");
    const auto file = SafetensorsFile::open(original);
    std::vector<std::pair<std::string, at::Tensor>> tensors;
    for (const auto& info : file.tensors()) tensors.emplace_back(info.name, file.tensor(info.name));
    std::reverse(tensors.begin(), tensors.end());  // the order they are given in does not matter
    write_safetensors(folder / "copy.safetensors", tensors, file.metadata());
    CHECK(read_file(folder / "copy.safetensors") == read_file(original));
  }
}

TEST_CASE("safetensors: a tensor outlives its file object") {
  at::Tensor tensor;
  {
    TemporaryFolder folder;
    write_safetensors(folder / "a.safetensors", {{"x", at::arange(1000)}});
    tensor = SafetensorsFile::open(folder / "a.safetensors").tensor("x");
  }
  CHECK(at::equal(tensor, at::arange(1000)));
}

TEST_CASE("safetensors: data that are not aligned are read all the same") {
  TemporaryFolder folder;
  const std::string header = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                             R"("b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})";
  write_raw(folder / "a.safetensors", header, 9);
  CHECK(at::equal(SafetensorsFile::open(folder / "a.safetensors").tensor("b"), at::zeros({2})));
}

TEST_CASE("safetensors: a file cut off anywhere is refused") {
  TemporaryFolder folder;
  const std::string whole = read_file(kReferences / "tiny_adapter/adapter_model.safetensors");
  const fs::path path = folder / "cut.safetensors";
  for (std::size_t size = 0; size < whole.size(); size += size < 64 ? 1 : 97) {
    write_file_atomic(path, whole.substr(0, size));
    error_of(path);
  }
  write_file_atomic(path, whole.substr(0, whole.size() - 1));
  CHECK(contains(error_of(path), "do not lie in"));
  write_file_atomic(path, whole + "x");
  CHECK(contains(error_of(path), "the file holds"));
}

TEST_CASE("safetensors: damaged headers are refused with the fault named") {
  TemporaryFolder folder;
  const fs::path path = folder / "bad.safetensors";
  const auto error = [&](const std::string& header, std::size_t bytes) {
    write_raw(path, header, bytes);
    return error_of(path);
  };
  const auto entry = [](const std::string& name, const std::string& dtype, const std::string& shape,
                        const std::string& offsets) {
    return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape +
           R"(,"data_offsets":)" + offsets + "}";
  };
  CHECK(contains(error("{]", 0), "not valid JSON"));
  CHECK(contains(error("[1]", 0), "not a JSON object"));
  CHECK(contains(error("{\"a\":3}", 0), "\"a\""));
  CHECK(contains(error("{" + entry("a", "F99", "[1]", "[0,4]") + "}", 4), "F99"));
  CHECK(contains(error("{" + entry("a", "F32", "[2]", "[0,4]") + "}", 4), "expected 8"));
  CHECK(contains(error("{" + entry("a", "F32", "[-1]", "[0,4]") + "}", 4), "not negative"));
  CHECK(contains(error("{" + entry("a", "F32", "[1.5]", "[0,4]") + "}", 4), "integers"));
  CHECK(contains(error("{" + entry("a", "F32", "[1]", "[4,0]") + "}", 4), "do not lie"));
  CHECK(contains(error("{" + entry("a", "F32", "[1]", "[0,4,8]") + "}", 4), "expected 2"));
  CHECK(contains(error("{" + entry("a", "F32", "[1]", "[0,18446744073709551615]") + "}", 4), "a"));
  CHECK(contains(error("{" + entry("a", "F32", "[4294967296,4294967296,2]", "[0,4]") + "}", 4),
                 "too large"));
  const std::string a = entry("a", "F32", "[2]", "[0,8]");
  CHECK(contains(error("{" + a + "," + a + "}", 8), "twice"));
  CHECK(contains(error("{" + a + "," + entry("b", "F32", "[2]", "[4,12]") + "}", 12), "overlaps"));
  CHECK(contains(error("{" + a + "," + entry("b", "F32", "[1]", "[12,16]") + "}", 16), "gap"));
  write_file_atomic(path, std::string("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10));
  CHECK(contains(error_of(path), "announced"));
  CHECK_THROWS_AS(SafetensorsFile::open(folder / "absent.safetensors"), DataError);
  CHECK_THROWS_AS(SafetensorsFile::open(folder.path()), DataError);
}

TEST_CASE("safetensors: a failure while writing leaves nothing behind") {
  TemporaryFolder folder;
  const fs::path path = folder / "a.safetensors";
  const std::vector<TensorInfo> infos = {{.name = "a", .shape = {4}}, {.name = "b", .shape = {4}}};
  const auto provider = [](const std::string& name) { return at::ones({name == "a" ? 4 : 5}); };
  CHECK_THROWS_AS(write_safetensors(path, infos, provider), DataError);
  CHECK(fs::is_empty(folder.path()));
  CHECK_THROWS_AS(write_safetensors(path, {{"x", at::ones({1})}, {"x", at::ones({1})}}), DataError);
  CHECK_THROWS_AS(write_safetensors(path, {{"x", at::ones({1}, at::kComplexFloat)}}), DataError);
  CHECK(fs::is_empty(folder.path()));
  // a disk that fills up while writing: files of this process may grow to 64 KiB only
  struct rlimit before {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small { 65536, before.rlim_max };
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  CHECK_THROWS_AS(write_safetensors(path, {{"x", at::ones({100000})}}), DataError);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  ::signal(SIGXFSZ, old_handler);
  CHECK(fs::is_empty(folder.path()));
}
