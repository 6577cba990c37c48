// Hugging Face folders: the tiny models that transformers wrote (references/make_hf_references.py)
// are read, written back, damaged; config.json in both spellings; shapes and rotary frequencies.
#include <ATen/ATen.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "recipes/schema.h"
#include "tests/catch.h"
#include "tests/source_folder.h"
#include "tests/temporary_folder.h"
#include "trainer/hf_folder.h"
#include "trainer/weight_source.h"

using namespace anneal;
using anneal::testing::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

const fs::path kReferences = anneal::testing::source_folder() / "tests" / "trainer" / "references";
const char* const kModels[] = {"tiny_untied", "tiny_tied", "tiny_bf16", "tiny_llama3"};

TensorProvider weights_of(const HfFolder& folder) {
  return [folder](const std::string& name) { return folder.tensor(name); };
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.full_message();
  }
  return "(no error)";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// tiny_untied's configuration with some fields replaced (null: removed).
std::string changed_config(const nlohmann::json& changes) {
  auto json = nlohmann::json::parse(read_file(kReferences / "tiny_untied/config.json"));
  json.merge_patch(changes);
  return json.dump();
}

std::string config_error(const nlohmann::json& changes) {
  return message_of([&] { parse_hf_config(changed_config(changes), "some/config.json"); });
}

}  // namespace

TEST_CASE("hf: a folder is read and written back byte for byte") {
  for (const char* name : kModels) {
    INFO(name);
    TemporaryFolder folder;
    const HfFolder original = HfFolder::open(kReferences / name);
    write_hf_folder(folder / "copy", original.config(), weights_of(original),
                    {.dtype = {}, .tokenizer_from = original.path()});
    for (const char* file : {"model.safetensors", "config.json", "generation_config.json"}) {
      CHECK(read_file(folder / "copy" / file) == read_file(original.path() / file));
    }
    std::int64_t weights = 0;
    for (const auto& parameter : original.names()) weights += original.tensor(parameter).numel();
    CHECK(weights == original.shape().num_parameters());
  }
}

TEST_CASE("hf: mixed and half precision survive; a change of type changes config.json only there") {
  TemporaryFolder folder;
  const HfFolder original = HfFolder::open(kReferences / "tiny_untied");
  const auto mixed = [&](const std::string& name) {
    const at::Tensor weight = original.tensor(name);
    return weight.dim() == 1 ? weight : weight.to(at::kHalf);
  };
  write_hf_folder(folder / "mixed", original.config(), mixed);
  const HfFolder read = HfFolder::open(folder / "mixed");
  for (const auto& name : read.names()) {
    CHECK(read.tensor(name).scalar_type() == mixed(name).scalar_type());
    CHECK(at::equal(read.tensor(name), mixed(name)));
  }
  write_hf_folder(folder / "half", original.config(), weights_of(original),
                  {.dtype = at::kHalf, .tokenizer_from = {}});
  const HfFolder half = HfFolder::open(folder / "half");
  CHECK(half.config().dtype == "float16");
  auto before = nlohmann::json::parse(original.config().original_text);
  auto after = nlohmann::json::parse(half.config().original_text);
  CHECK(after["dtype"] == "float16");
  before.erase("dtype");
  after.erase("dtype");
  CHECK(after == before);
  write_hf_folder(folder / "again", half.config(), weights_of(half));
  CHECK(read_file(folder / "again/model.safetensors") ==
        read_file(folder / "half/model.safetensors"));
}

TEST_CASE("hf: several files with an index") {
  TemporaryFolder folder;
  const HfFolder original = HfFolder::open(kReferences / "tiny_llama3");
  write_hf_folder(folder / "a", original.config(), weights_of(original));
  write_hf_folder(folder / "a", original.config(), weights_of(original),
                  {.dtype = {}, .tokenizer_from = {}, .max_file_bytes = 30000});
  CHECK_FALSE(fs::exists(folder / "a/model.safetensors"));
  const HfFolder read = HfFolder::open(folder / "a");
  CHECK(read.tensors().files().size() == 3);
  for (const auto& name : read.names()) CHECK(at::equal(read.tensor(name), original.tensor(name)));
  // back to one file: nothing of the three is left
  write_hf_folder(folder / "a", original.config(), weights_of(original));
  CHECK_FALSE(fs::exists(folder / "a/model.safetensors.index.json"));
  CHECK_FALSE(fs::exists(folder / "a/model-00001-of-00003.safetensors"));
  write_hf_folder(folder / "b", original.config(), weights_of(original),
                  {.dtype = {}, .tokenizer_from = {}, .max_file_bytes = 30000});
  fs::remove(folder / "b/model-00002-of-00003.safetensors");
  CHECK(contains(message_of([&] { HfFolder::open(folder / "b"); }), "00002-of-00003"));
}

TEST_CASE("hf: tensors that do not fit config.json are all named") {
  TemporaryFolder folder;
  const HfFolder original = HfFolder::open(kReferences / "tiny_untied");
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const auto& name : original.names()) {
    at::Tensor tensor = original.tensor(name);
    if (name == "model.norm.weight") continue;
    if (name == "model.layers.1.mlp.up_proj.weight") tensor = tensor.t();
    if (name == "model.layers.0.input_layernorm.weight") tensor = tensor.to(at::kInt);
    tensors.emplace_back(name, tensor);
  }
  tensors.emplace_back("model.layers.2.odd.weight", at::ones({3}));
  tensors.emplace_back("model.layers.0.self_attn.rotary_emb.inv_freq", at::ones({4}));
  write_safetensors(folder / "model.safetensors", tensors);
  write_file_atomic(folder / "config.json", original.config().original_text);
  const std::string message = message_of([&] { open_weights(folder.path()); });
  CHECK(contains(message, "4 tensors"));
  CHECK(contains(message, "model.norm.weight is missing, expected [32]"));
  CHECK(contains(message, "up_proj.weight has the shape [32, 48], expected [48, 32]"));
  CHECK(contains(message, "input_layernorm.weight is of type I32"));
  CHECK(contains(message, "model.layers.2.odd.weight [3] is unexpected"));
  CHECK_FALSE(contains(message, "inv_freq"));
}

TEST_CASE("hf: a head beside a tied embedding must equal it") {
  TemporaryFolder folder;
  const HfFolder original = HfFolder::open(kReferences / "tiny_tied");
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const auto& name : original.names()) tensors.emplace_back(name, original.tensor(name));
  tensors.emplace_back("lm_head.weight", original.tensor("model.embed_tokens.weight").clone());
  write_file_atomic(folder / "config.json", original.config().original_text);
  write_safetensors(folder / "model.safetensors", tensors);
  CHECK_NOTHROW(HfFolder::open(folder.path()));
  tensors.back().second[0][0] += 1;
  write_safetensors(folder / "model.safetensors", tensors);
  CHECK(contains(message_of([&] { HfFolder::open(folder.path()); }), "lm_head.weight differs"));
}

TEST_CASE("hf: config.json in the older spelling, with defaults") {
  const HfConfig c = parse_hf_config(
      R"({"model_type": "llama", "hidden_size": 64, "intermediate_size": 100, "vocab_size": 50,
          "num_hidden_layers": 3, "num_attention_heads": 8, "rope_theta": 500000,
          "torch_dtype": "bfloat16", "eos_token_id": [2, 7], "my_own_key": {"b": 1, "a": [null]},
          "rope_scaling": {"type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
                           "original_max_position_embeddings": 8192}})",
      "config.json");
  CHECK(c.shape == ModelShape{.dim = 64,
                              .layers = 3,
                              .heads = 8,
                              .kv_heads = 8,
                              .head_dim = 8,
                              .ffn_dim = 100,
                              .vocab_size = 50,
                              .max_positions = 2048,
                              .rope_theta = 500000,
                              .norm_eps = 1e-6,
                              .tied_head = false,
                              .init_std = 0.02,
                              .rope_scaling = {RopeScaling::Type::kLlama3, 8, 1, 4, 8192}});
  CHECK(c.dtype == "bfloat16");
  CHECK(c.eos_ids == std::vector<std::int64_t>{2, 7});
  CHECK(hf_config_text(c) == c.original_text);
  // a change keeps what is not understood, and means what was asked
  HfConfig changed = c;
  changed.shape.vocab_size = 60;
  changed.shape.rope_scaling = {};
  changed.dtype = "float32";
  const HfConfig again = parse_hf_config(hf_config_text(changed), "config.json");
  CHECK(again.same_meaning(changed));
  CHECK(nlohmann::json::parse(again.original_text)["my_own_key"]["b"] == 1);
  // from nothing
  changed.original_text.clear();
  changed.bos_id = 1;
  CHECK(parse_hf_config(hf_config_text(changed), "config.json").same_meaning(changed));
  changed.shape.rope_scaling = c.shape.rope_scaling;
  CHECK(parse_hf_config(hf_config_text(changed), "config.json").same_meaning(changed));
}

TEST_CASE("hf: configurations that this program cannot compute are refused by name") {
  CHECK(contains(config_error({{"model_type", "mistral"}}), "mistral"));
  CHECK(
      contains(config_error({{"architectures", {"LlamaForSequenceClassification"}}}), "Sequence"));
  CHECK(contains(config_error({{"attention_bias", true}}), "attention_bias"));
  CHECK(contains(config_error({{"mlp_bias", true}}), "mlp_bias"));
  CHECK(contains(config_error({{"hidden_act", "gelu"}}), "gelu"));
  CHECK(contains(config_error({{"rope_parameters", {{"rope_type", "yarn"}}}}), "yarn"));
  CHECK(contains(config_error({{"rope_scaling", {{"type", "linear"}, {"factor", 2}}}}), "linear"));
  CHECK(contains(config_error({{"rope_parameters", {{"rope_type", "llama3"}}}}), "factor"));
  CHECK(contains(config_error({{"quantization_config", {{"bits", 4}}}}), "quantised"));
  CHECK(contains(config_error({{"dtype", "float8"}}), "float8"));
  CHECK(contains(config_error({{"hidden_size", nullptr}}), "\"hidden_size\" is missing"));
  CHECK(contains(config_error({{"hidden_size", "32"}}), "expected an integer"));
  CHECK(contains(config_error({{"num_key_value_heads", 3}}), "multiple of kv_heads 3"));
  CHECK(contains(config_error({{"num_hidden_layers", -1}}), "layers is -1"));
  CHECK(contains(config_error({{"head_dim", 7}}), "odd"));
  CHECK(contains(config_error({{"head_dim", nullptr}, {"num_attention_heads", 5}}), "multiple"));
  CHECK(contains(message_of([] { parse_hf_config("{\"a\":", "c.json"); }), "not valid JSON"));
  CHECK(contains(message_of([] { parse_hf_config("[]", "c.json"); }), "expected a JSON object"));
}

TEST_CASE("hf: a path that is no model says what was looked for and what is there") {
  TemporaryFolder folder;
  CHECK(contains(message_of([&] { open_weights(folder / "none"); }), "there is no model at"));
  CHECK(contains(message_of([&] { open_weights(folder.path()); }), "is empty"));
  write_file_atomic(folder / "notes.txt", "x");
  CHECK(contains(message_of([&] { open_weights(folder.path()); }), "holds notes.txt"));
  CHECK(contains(message_of([&] { open_weights(folder / "notes.txt"); }), "not a model"));
  fs::create_directories(folder / "checkpoints");
  CHECK(contains(message_of([&] { open_weights(folder.path()); }), "has not finished"));
  write_file_atomic(folder / "config.json", read_file(kReferences / "tiny_tied/config.json"));
  CHECK(contains(message_of([&] { open_weights(folder.path()); }), "neither model.safetensors"));
}

TEST_CASE("hf: a run folder is its model") {
  TemporaryFolder folder;
  const HfFolder original = HfFolder::open(kReferences / "tiny_bf16");
  write_hf_folder(folder / "run/model", original.config(), weights_of(original));
  write_file_atomic(folder / "run/model/tokenizer.model", "pieces");
  const WeightSource source = open_weights(folder / "run");
  CHECK(source.kind == WeightKind::kHfFolder);
  CHECK(source.tokenizer == folder / "run/model/tokenizer.model");
  CHECK(source.shape() == original.shape());
  const std::string name = "model.norm.weight";
  CHECK(source.tensor(name).scalar_type() == at::kFloat);
  CHECK(source.tensor(name, std::nullopt).scalar_type() == at::kBFloat16);
  CHECK(at::equal(source.tensor(name).to(at::kBFloat16), original.tensor(name)));
}

TEST_CASE("hf: rotary frequencies are those of transformers") {
  // fp32 on both sides; the power is rounded differently by at most a few units in the last place
  for (const char* name : kModels) {
    INFO(name);
    const auto reference =
        nlohmann::json::parse(read_file(kReferences / (std::string(name) + ".reference.json")));
    const auto ours = rotary_inverse_frequencies(HfFolder::open(kReferences / name).shape());
    const auto theirs = reference["inv_freq"].get<std::vector<double>>();
    REQUIRE(ours.size() == theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) CHECK(ours[i] == Approx(theirs[i]).epsilon(3e-7));
  }
}

TEST_CASE("hf: the shape of a recipe's model section") {
  ModelOptions options;
  const ModelShape s = shape_from_options(options, 2048);
  CHECK(s.head_dim == 32);
  CHECK(s.kv_heads == 8);
  CHECK(s.ffn_dim == 704);  // 8/3 of 256 = 682.7, up to a multiple of 32
  CHECK(s.vocab_size == 2048);
  std::int64_t weights = 0;
  for (const auto& spec : parameter_specs(s)) {
    std::int64_t count = 1;
    for (const auto size : spec.shape) count *= size;
    weights += count;
  }
  CHECK(weights == s.num_parameters());
  options.heads = 7;
  CHECK(contains(message_of([&] { shape_from_options(options, 2048); }), "heads 7"));
  options.heads = 8;
  options.kv_heads = 3;
  CHECK(contains(message_of([&] { shape_from_options(options, 2048); }), "kv_heads 3"));
  options.kv_heads = 4;
  options.vocab_size = 100;
  CHECK(contains(message_of([&] { shape_from_options(options, 2048); }), "smaller than"));
}
