// PEFT adapters: the one that PEFT itself wrote (references/make_hf_references.py) is read,
// checked, written back and merged. Logits after the adapter are checked with the model
// (test_model).
#include <ATen/ATen.h>

#include <filesystem>

#include "base/error.h"
#include "base/files.h"
#include "tests/catch.h"
#include "tests/source_folder.h"
#include "tests/temporary_folder.h"
#include "trainer/hf_folder.h"
#include "trainer/peft_adapter.h"
#include "trainer/weight_source.h"

using namespace anneal;
using anneal::testing::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

const fs::path kReferences = anneal::testing::source_folder() / "tests" / "trainer" / "references";

ModelShape base_shape() { return HfFolder::open(kReferences / "tiny_untied").shape(); }

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const DataError& error) {
    return error.what();
  }
  return "(no error)";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// PEFT's own configuration with one piece of text replaced.
void write_changed_config(const fs::path& folder, const std::string& from, const std::string& to) {
  std::string text = read_file(kReferences / "tiny_adapter" / "adapter_config.json");
  REQUIRE(contains(text, from));
  write_file_atomic(folder / "adapter_config.json", text.replace(text.find(from), from.size(), to));
}

}  // namespace

TEST_CASE("peft: the adapter that PEFT wrote is read and fits its base") {
  const PeftAdapter adapter = read_peft_adapter(kReferences / "tiny_adapter");
  CHECK(adapter.config.r == 4);
  CHECK(adapter.config.alpha == 8);
  CHECK(adapter.config.scaling() == 2);
  CHECK(adapter.config.dropout == 0.05);
  CHECK(adapter.config.targets == std::vector<std::string>{"down_proj", "q_proj", "v_proj"});
  CHECK(adapter.pairs.size() == 6);
  check_peft_adapter(adapter, base_shape(), "tiny_adapter");
  CHECK(lora_modules(base_shape(), adapter.config.targets).size() == 6);
  CHECK(lora_modules(base_shape(), {"self_attn.q_proj"}).size() == 2);
  CHECK(lora_modules(base_shape(), {"proj"}).empty());
}

TEST_CASE("peft: written back it is the same, byte for byte") {
  TemporaryFolder folder;
  write_peft_adapter(folder / "a", read_peft_adapter(kReferences / "tiny_adapter"));
  for (const char* name : {"adapter_config.json", "adapter_model.safetensors"}) {
    CHECK(read_file(folder / "a" / name) == read_file(kReferences / "tiny_adapter" / name));
  }
}

TEST_CASE("peft: an adapter of our own making survives a round trip") {
  TemporaryFolder folder;
  PeftAdapter adapter;
  adapter.config = {.r = 2,
                    .alpha = 5.5,
                    .dropout = 0.1,
                    .targets = {"o_proj"},
                    .base = "some/base",
                    .rslora = true,
                    .original_text = ""};
  for (const auto& module : lora_modules(base_shape(), adapter.config.targets)) {
    adapter.pairs[module] = {.a = at::randn({2, 32}), .b = at::randn({32, 2})};
  }
  write_peft_adapter(folder / "a", adapter);
  const PeftAdapter read = read_peft_adapter(folder / "a");
  CHECK(read.config.same_meaning(adapter.config));
  check_peft_adapter(read, base_shape(), "a");
  for (const auto& [module, pair] : adapter.pairs) {
    CHECK(at::equal(read.pairs.at(module).a, pair.a));
    CHECK(at::equal(read.pairs.at(module).b, pair.b));
  }
}

TEST_CASE("peft: open_weights merges the adapter into its base") {
  const WeightSource merged = open_weights(kReferences / "tiny_adapter");
  CHECK(merged.kind == WeightKind::kAdapter);
  const WeightSource base = open_weights(kReferences / "tiny_untied");
  const PeftAdapter adapter = read_peft_adapter(kReferences / "tiny_adapter");
  for (const auto& name : merged.names()) {
    INFO(name);
    const auto pair = adapter.pairs.find(name.substr(0, name.size() - 7));
    const at::Tensor before = base.tensor(name), after = merged.tensor(name);
    if (pair == adapter.pairs.end()) {
      CHECK(at::equal(before, after));
      continue;
    }
    CHECK_FALSE(at::equal(before, after));
    // W + 2 B A in double; fp32 sums of 4 products of numbers below 1 are off by less than 1e-6
    const at::Tensor expected =
        before.to(at::kDouble) +
        at::matmul(pair->second.b.to(at::kDouble), pair->second.a.to(at::kDouble)) * 2;
    CHECK((after.to(at::kDouble) - expected).abs().max().item<double>() < 1e-6);
  }
  CHECK(merge_lora(at::ones({32, 32}, at::kBFloat16), {at::ones({1, 32}), at::ones({32, 1})}, 1)
            .scalar_type() == at::kBFloat16);
}

TEST_CASE("peft: an adapter may lie over an adapter, but not in a circle") {
  TemporaryFolder folder;
  PeftAdapter adapter = read_peft_adapter(kReferences / "tiny_adapter");
  adapter.config.base = (kReferences / "tiny_adapter").string();
  write_peft_adapter(folder / "run/adapter", adapter);
  const std::string q = "model.layers.1.self_attn.q_proj.weight";
  const at::Tensor w0 = open_weights(kReferences / "tiny_untied").tensor(q);
  const at::Tensor w1 = open_weights(kReferences / "tiny_adapter").tensor(q);
  const at::Tensor w2 = open_weights(folder / "run").tensor(q);
  CHECK(at::allclose(w2 - w1, w1 - w0, 1e-4, 1e-6));
  const WeightSource over = open_weights_with_adapter(kReferences / "tiny_adapter", folder / "run");
  CHECK(at::equal(over.tensor(q), w2));
  adapter.config.base = (folder / "run").string();
  write_peft_adapter(folder / "run/adapter", adapter);
  CHECK(contains(message_of([&] { open_weights(folder / "run"); }), "circle"));
}

TEST_CASE("peft: what cannot be computed or does not fit is refused with its name") {
  TemporaryFolder folder;
  const fs::path f = folder.path();
  fs::copy_file(kReferences / "tiny_adapter/adapter_model.safetensors",
                f / "adapter_model.safetensors");
  const struct {
    const char *from, *to, *expected;
  } changes[] = {
      {"\"peft_type\": \"LORA\"", "\"peft_type\": \"IA3\"", "IA3"},
      {"\"use_dora\": false", "\"use_dora\": true", "use_dora"},
      {"\"init_lora_weights\": true", "\"init_lora_weights\": \"pissa_niter_4\"", "pissa"},
      {"\"bias\": \"none\"", "\"bias\": \"all\"", "bias"},
      {"\"rank_pattern\": {}", "\"rank_pattern\": {\"q_proj\": 2}", "rank_pattern"},
      {"\"modules_to_save\": null", "\"modules_to_save\": [\"lm_head\"]", "modules_to_save"},
      {"\"r\": 4", "\"r\": \"four\"", "\"r\""},
      {"\"r\": 4", "\"r\": 0", "\"r\""},
      {"{", "{{", "JSON"},
  };
  for (const auto& change : changes) {
    write_changed_config(f, change.from, change.to);
    INFO(change.to);
    CHECK(contains(message_of([&] { read_peft_adapter(f); }), change.expected));
  }
  write_changed_config(f, "\"r\": 4", "\"r\": 3");
  CHECK(contains(message_of([&] { check_peft_adapter(read_peft_adapter(f), base_shape(), f); }),
                 "lora_A has the shape [4, 32], expected [3, 32]"));
  write_changed_config(f, "\"q_proj\"", "\"k_proj\"");
  CHECK(contains(message_of([&] { check_peft_adapter(read_peft_adapter(f), base_shape(), f); }),
                 "k_proj is a target, but has no factors"));
  write_changed_config(f, "../tiny_untied", "../nowhere");
  CHECK(contains(message_of([&] { open_weights(f); }), "../nowhere"));
  PeftAdapter adapter = read_peft_adapter(f);
  adapter.pairs["model.layers.9.self_attn.q_proj"] = adapter.pairs.begin()->second;
  CHECK(contains(message_of([&] { check_peft_adapter(adapter, base_shape(), f); }), "layers.9"));
  write_safetensors(f / "adapter_model.safetensors", {{"odd", at::ones({1})}});
  CHECK(contains(message_of([&] { read_peft_adapter(f); }), "odd"));
}
