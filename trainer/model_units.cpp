#include "trainer/model_units.h"

#include <algorithm>

#include "base/error.h"

namespace anneal {

namespace {

struct TargetModule {
  AdapterTarget target;
  const char* name;    ///< as in recipes and in PEFT
  const char* module;  ///< within a layer
};
constexpr TargetModule kTargets[] = {
    {kQ, "q_proj", "self_attn.q_proj"},   {kK, "k_proj", "self_attn.k_proj"},
    {kV, "v_proj", "self_attn.v_proj"},   {kO, "o_proj", "self_attn.o_proj"},
    {kGate, "gate_proj", "mlp.gate_proj"}, {kUp, "up_proj", "mlp.up_proj"},
    {kDown, "down_proj", "mlp.down_proj"}};

const ParameterSlot& slot_ending(const UnitLayout& layout, const std::string& ending) {
  for (const auto& slot : layout.slots()) {
    if (slot.name.ends_with(ending)) return slot;
  }
  throw Error(ExitCode::kUnexpected, fmt::format("unit {} has no {}", layout.name(), ending), "");
}

/// Several parameters that lie gap-free, seen as one matrix.
at::Tensor fused_view(const at::Tensor& flat, const ParameterSlot& first, std::int64_t rows,
                      std::int64_t columns) {
  return flat.narrow(0, first.offset, rows * columns).view({rows, columns});
}

}  // namespace

UnitLayout embedding_layout(const ModelShape& s) {
  UnitLayout unit("embedding");
  unit.add("model.embed_tokens.weight", {s.vocab_size, s.dim});
  return unit;
}

UnitLayout block_layout(const ModelShape& s, std::int64_t layer) {
  UnitLayout unit(fmt::format("block {}", layer));
  for (const auto& spec : layer_parameter_specs(s, layer)) {
    const bool fused = spec.name.ends_with("k_proj.weight") || spec.name.ends_with("v_proj.weight") ||
                       spec.name.ends_with("up_proj.weight");
    unit.add(spec.name, spec.shape, fused);
  }
  return unit;
}

UnitLayout head_layout(const ModelShape& s) {
  UnitLayout unit("head");
  unit.add("model.norm.weight", {s.dim});
  if (!s.tied_head) unit.add("lm_head.weight", {s.vocab_size, s.dim});
  return unit;
}

UnitLayout adapter_layout(const ModelShape& s, std::int64_t layer, const AdapterOptions& options) {
  UnitLayout unit(fmt::format("adapters of block {}", layer));
  for (const auto& target : kTargets) {
    if (std::find(options.targets.begin(), options.targets.end(), target.name) ==
        options.targets.end()) {
      continue;
    }
    const std::string weight = layer_name(layer, std::string(target.module) + ".weight");
    for (const auto& spec : layer_parameter_specs(s, layer)) {
      if (spec.name != weight) continue;
      const std::string module = layer_name(layer, target.module);
      unit.add(module + ".lora_A.weight", {options.r, spec.shape[1]});
      unit.add(module + ".lora_B.weight", {spec.shape[0], options.r});
    }
  }
  return unit;
}

at::Tensor parameter_view(const at::Tensor& flat, const ParameterSlot& slot) {
  return flat.narrow(0, slot.offset, slot.numel()).view(slot.shape);
}

BlockWeights block_view(const at::Tensor& flat, const UnitLayout& layout, const ModelShape& s) {
  const auto view = [&](const std::string& ending) {
    return parameter_view(flat, slot_ending(layout, ending));
  };
  return {.norm1_D = view("input_layernorm.weight"),
          .qkv_ED = fused_view(flat, slot_ending(layout, "q_proj.weight"),
                               (s.heads + 2 * s.kv_heads) * s.head_dim, s.dim),
          .o_DO = view("o_proj.weight"),
          .norm2_D = view("post_attention_layernorm.weight"),
          .gate_up_FD = fused_view(flat, slot_ending(layout, "gate_proj.weight"), 2 * s.ffn_dim, s.dim),
          .down_DF = view("down_proj.weight")};
}

BlockWeights trained_view(BlockWeights gradients, const UnitLayout& layout) {
  const auto frozen = [&](std::initializer_list<const char*> endings) {
    for (const char* ending : endings) {
      if (!slot_ending(layout, ending).frozen) return false;
    }
    return true;
  };
  if (frozen({"input_layernorm.weight"})) gradients.norm1_D.reset();
  if (frozen({"q_proj.weight", "k_proj.weight", "v_proj.weight"})) gradients.qkv_ED.reset();
  if (frozen({"o_proj.weight"})) gradients.o_DO.reset();
  if (frozen({"post_attention_layernorm.weight"})) gradients.norm2_D.reset();
  if (frozen({"gate_proj.weight", "up_proj.weight"})) gradients.gate_up_FD.reset();
  if (frozen({"down_proj.weight"})) gradients.down_DF.reset();
  return gradients;
}

BlockAdapters adapter_view(const at::Tensor& flat, const UnitLayout& layout) {
  BlockAdapters adapters;
  for (const auto& target : kTargets) {
    for (const auto& slot : layout.slots()) {
      const std::string module = std::string(target.module);
      if (slot.name.ends_with(module + ".lora_A.weight")) {
        adapters[target.target].a_RI = parameter_view(flat, slot);
      } else if (slot.name.ends_with(module + ".lora_B.weight")) {
        adapters[target.target].b_OR = parameter_view(flat, slot);
      }
    }
  }
  return adapters;
}

}  // namespace anneal
