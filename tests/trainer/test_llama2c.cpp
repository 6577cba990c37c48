// The llama2.c checkpoint: layout, rotary permutation, round trip of the real stories260K.bin.
#include <ATen/ATen.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>

#include "base/error.h"
#include "base/files.h"
#include "tests/catch.h"
#include "tests/temporary_folder.h"
#include "trainer/hf_folder.h"
#include "trainer/llama2c.h"
#include "trainer/weight_source.h"

using namespace anneal;
using anneal::testing::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

ModelShape tiny_shape(bool tied) {
  return {.dim = 24,
          .layers = 2,
          .heads = 6,
          .kv_heads = 2,
          .head_dim = 4,
          .ffn_dim = 20,
          .vocab_size = 11,
          .max_positions = 16,
          .tied_head = tied,
          .rope_scaling = {}};
}

/// Different values in every element of every tensor.
TensorProvider counting_weights(const ModelShape& shape) {
  std::map<std::string, at::Tensor> weights;
  std::int64_t next = 0;
  for (const auto& spec : parameter_specs(shape)) {
    std::int64_t count = 1;
    for (const auto size : spec.shape) count *= size;
    weights[spec.name] = at::arange(next, next + count).to(at::kFloat).view(spec.shape);
    next += count;
  }
  return [weights](const std::string& name) { return weights.at(name); };
}

}  // namespace

TEST_CASE("llama2c: rotating neighbouring pairs equals rotating halves of the permuted vector") {
  // independent of any model: apply both rotary conventions to q = W x and compare the dot products
  const std::int64_t heads = 3, head_dim = 8, dim = 5;
  const at::Tensor w = at::randn({heads * head_dim, dim}), x = at::randn({dim});
  const at::Tensor pairs = at::matmul(w, x).view({heads, head_dim / 2, 2});
  const at::Tensor halves =
      at::matmul(rotary_pairs_to_halves(w, heads), x).view({heads, 2, head_dim / 2});
  const at::Tensor angle = at::arange(head_dim / 2).to(at::kFloat).mul(0.3).add(0.1);
  const at::Tensor c = at::cos(angle), s = at::sin(angle);
  const at::Tensor a0 = pairs.select(2, 0) * c - pairs.select(2, 1) * s;
  const at::Tensor a1 = pairs.select(2, 0) * s + pairs.select(2, 1) * c;
  const at::Tensor b0 = halves.select(1, 0) * c - halves.select(1, 1) * s;
  const at::Tensor b1 = halves.select(1, 1) * c + halves.select(1, 0) * s;
  CHECK(at::allclose(a0, b0, 1e-6, 1e-6));
  CHECK(at::allclose(a1, b1, 1e-6, 1e-6));
  CHECK(at::equal(rotary_halves_to_pairs(rotary_pairs_to_halves(w, heads), heads), w));
}

TEST_CASE("llama2c: tied and untied checkpoints survive a round trip") {
  for (const bool tied : {true, false}) {
    TemporaryFolder folder;
    const ModelShape shape = tiny_shape(tied);
    const auto weights = counting_weights(shape);
    write_llama2c(folder / "m.bin", shape, weights);
    const auto file = Llama2cFile::open(folder / "m.bin");
    CHECK(file.shape() == shape);
    CHECK(Llama2cFile::recognises(folder / "m.bin"));
    for (const auto& spec : parameter_specs(shape)) {
      INFO(spec.name);
      CHECK(at::equal(file.tensor(spec.name), weights(spec.name)));
    }
    CHECK_THROWS_AS(file.tensor("model.layers.2.mlp.up_proj.weight"), DataError);
  }
}

TEST_CASE("llama2c: the header is seven integers, a negative vocabulary marks an untied head") {
  TemporaryFolder folder;
  write_llama2c(folder / "m.bin", tiny_shape(false), counting_weights(tiny_shape(false)));
  std::int32_t header[7];
  std::memcpy(header, read_file(folder / "m.bin").data(), sizeof(header));
  const std::int32_t expected[7] = {24, 20, 2, 6, 2, -11, 16};
  CHECK(std::memcmp(header, expected, sizeof(header)) == 0);
}

TEST_CASE("llama2c: damaged files and shapes without a place in the format are refused") {
  TemporaryFolder folder;
  write_llama2c(folder / "m.bin", tiny_shape(true), counting_weights(tiny_shape(true)));
  const std::string whole = read_file(folder / "m.bin");
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{27}, std::size_t{28}, whole.size() / 2, whole.size() - 1}) {
    write_file_atomic(folder / "cut.bin", whole.substr(0, size));
    CHECK_THROWS_AS(Llama2cFile::open(folder / "cut.bin"), DataError);
    CHECK_FALSE(Llama2cFile::recognises(folder / "cut.bin"));
    CHECK_THROWS_AS(open_weights(folder / "cut.bin"), DataError);
  }
  write_file_atomic(folder / "more.bin", whole + "x");
  CHECK_THROWS_AS(Llama2cFile::open(folder / "more.bin"), DataError);
  write_file_atomic(folder / "text.bin", std::string(5000, 'a'));
  CHECK_THROWS_AS(Llama2cFile::open(folder / "text.bin"), DataError);
  ModelShape other = tiny_shape(true);
  other.rope_theta = 5e5;
  CHECK_THROWS_AS(write_llama2c(folder / "o.bin", other, counting_weights(other)), DataError);
  other = tiny_shape(true);
  other.norm_eps = 1e-6;
  CHECK_THROWS_AS(write_llama2c(folder / "o.bin", other, counting_weights(other)), DataError);
  CHECK_FALSE(fs::exists(folder / "o.bin"));
}

TEST_CASE("llama2c: the real stories260K.bin goes through a Hugging Face folder and back") {
  const auto data = anneal::testing::shared_data();
  if (!data) {
    WARN("skipped: ../shared/data is not there");
    return;
  }
  TemporaryFolder folder;
  const fs::path original = *data / "models" / "stories260K.bin";
  const WeightSource source = open_weights(original);
  CHECK(source.kind == WeightKind::kLlama2c);
  CHECK(source.shape().num_parameters() == 260032);
  CHECK(source.shape().kv_heads == 4);
  CHECK(source.tokenizer.filename() == "tok512.bin");
  write_hf_folder(folder / "hf", source.config,
                  [&](const auto& name) { return source.tensor(name); },
                  {.dtype = at::kFloat, .tokenizer_from = {}});
  const WeightSource hf = open_weights(folder / "hf");
  CHECK(hf.shape() == source.shape());
  write_llama2c(folder / "back.bin", hf.shape(), [&](const auto& name) { return hf.tensor(name); });
  const std::string before = read_file(original), after = read_file(folder / "back.bin");
  REQUIRE(before.size() == after.size());
  // all but the rotary table is equal bit for bit; the table (before the end: the head is tied) is
  // recomputed with this torch's cos and sin
  const std::size_t table = 2 * 512 * 4 * sizeof(float);
  const std::size_t weights = before.size() - table;
  CHECK(std::memcmp(before.data(), after.data(), weights) == 0);
  float largest = 0;
  for (std::size_t i = weights; i < before.size(); i += sizeof(float)) {
    float a, b;
    std::memcpy(&a, before.data() + i, sizeof(float));
    std::memcpy(&b, after.data() + i, sizeof(float));
    largest = std::max(largest, std::abs(a - b));  // 0 where this was written
  }
  INFO("largest difference in the rotary table: " << largest);
  // an angle up to 512 rad, off by one unit in the last place (3e-5), moves a cosine by as much
  CHECK(largest <= 6.2e-5f);
}
