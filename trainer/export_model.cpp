#include "trainer/export_model.h"

#include <algorithm>
#include <map>
#include <string>

#include "base/error.h"
#include "trainer/hf_folder.h"
#include "trainer/peft_adapter.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

void write_adapter(ShardedModel& model, const InitialWeights& start,
                   const std::map<std::string, at::Tensor>& weights, const fs::path& folder) {
  PeftAdapter adapter;
  adapter.config.r = model.adapter().r;
  adapter.config.alpha = model.adapter().alpha;
  adapter.config.dropout = model.adapter().dropout;
  adapter.config.targets = model.adapter().targets;
  adapter.config.base = fs::absolute(start.source->path).lexically_normal().string();
  for (const auto& module : lora_modules(start.shape, model.adapter().targets)) {
    adapter.pairs[module] = {weights.at(module + ".lora_A.weight"),
                             weights.at(module + ".lora_B.weight")};
  }
  write_peft_adapter(folder, adapter);
}

}  // namespace

fs::path export_model(ShardedModel& model, const InitialWeights& start, const Tokenizer& tokenizer,
                      const RunFolder& folder, const Group& group) {
  const bool adapters = model.has_adapters();
  const fs::path output = adapters ? folder.adapter() : folder.model();
  std::map<std::string, at::Tensor> weights;
  model.visit_full_parameters([&](const ParameterSlot& slot, const at::Tensor& value) {
    const bool wanted = !adapters || slot.name.find(".lora_") != std::string::npos;
    if (group.is_root() && wanted) weights[slot.name] = value.to(at::kCPU, at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  });
  if (group.is_root() && adapters) {
    write_adapter(model, start, weights, output);
    tokenizer.save(output);
  } else if (group.is_root()) {
    HfConfig config;
    if (start.source) config = start.source->config;
    config.shape = start.shape;
    config.dtype = "float32";
    if (tokenizer.bos_id() >= 0) config.bos_id = tokenizer.bos_id();
    // LLaMA-3's chat models end with several tokens, of which the tokenizer knows one
    if (std::count(config.eos_ids.begin(), config.eos_ids.end(), tokenizer.eos_id()) == 0) {
      config.eos_ids = {tokenizer.eos_id()};
    }
    write_hf_folder(output, config, [&](const std::string& name) { return weights.at(name); },
                    {.dtype = at::kFloat});
    tokenizer.save(output);
  }
  group.barrier("writing of the model");
  return output;
}

}  // namespace anneal
