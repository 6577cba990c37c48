#include "trainer/run_plan.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "trainer/checkpoint_retention.h"
#include "trainer/gather_policy.h"
#include "trainer/initial_weights.h"
#include "trainer/model/head.h"
#include "trainer/model_units.h"

namespace anneal {

namespace {

/// Bytes of the numbers that a device works with.
struct NumberSizes {
  double full = 4;      ///< gathered weights, activations
  double gradient = 4;  ///< full gradients before they are reduced
};
NumberSizes number_sizes(const Recipe& recipe) {
  if (recipe.train.precision == "bf16") return {2, recipe.train.reduce == "bf16" ? 2.0 : 4.0};
  return {4, 4};
}

/// Ranks that share one copy of the model.
int shard_ranks(const Recipe& recipe, int ranks) {
  return std::max(1, ranks / static_cast<int>(recipe.train.replicate));
}

/// Elements of the units, in all and a rank's share.
struct UnitSizes {
  double embedding = 0, block = 0, head = 0, adapter = 0;  ///< padded, whole
};
UnitSizes unit_sizes(const ModelShape& shape, const AdapterOptions& adapter, int ranks) {
  UnitSizes sizes{.embedding = static_cast<double>(embedding_layout(shape).padded_numel(ranks)),
                  .block = static_cast<double>(block_layout(shape, 0).padded_numel(ranks)),
                  .head = static_cast<double>(head_layout(shape).padded_numel(ranks))};
  if (adapter.kind != "none") {
    sizes.adapter = static_cast<double>(adapter_layout(shape, 0, adapter).padded_numel(ranks));
  }
  return sizes;
}

/// Numbers a token that one block keeps for its backward pass.
double kept_per_token(const ModelShape& s, const Recipe& recipe) {
  const double d = static_cast<double>(s.dim), f = static_cast<double>(s.ffn_dim);
  const double o = static_cast<double>(s.heads * s.head_dim);
  const double e = static_cast<double>((s.heads + 2 * s.kv_heads) * s.head_dim);
  const auto& mode = recipe.train.activation_checkpointing;
  if (mode == "full") return d;
  double numbers = 2 * d + e + o + 2 + static_cast<double>(s.heads);
  if (mode == "none") numbers += 2 * f;
  if (recipe.adapter.kind != "none") {
    numbers += static_cast<double>(recipe.adapter.r * static_cast<std::int64_t>(recipe.adapter.targets.size()));
  }
  return numbers;
}

std::string kept_formula(const std::string& mode) {
  if (mode == "full") return "(L - 1) N D e + one block in full";
  return fmt::format("L N (2D + E + O + {}heads + 2) e", mode == "none" ? "2F + " : "");
}

}  // namespace

double MemoryPlan::total_bytes() const {
  double total = 0;
  for (const auto& item : items) total += item.bytes;
  return total;
}

StepShape step_shape(const TrainOptions& train, int ranks) {
  StepShape shape;
  shape.rows_per_rank = (train.global_batch + ranks - 1) / ranks;
  shape.micro_rows = std::min(train.micro_batch > 0 ? train.micro_batch : shape.rows_per_rank, shape.rows_per_rank);
  shape.passes = (shape.rows_per_rank + shape.micro_rows - 1) / shape.micro_rows;
  return shape;
}

MemoryPlan memory_plan(const ModelShape& s, const Recipe& recipe, int ranks, const DeviceKind& device,
                       double runtime_bytes) {
  const bool lora = recipe.adapter.kind != "none";
  const auto [full, gradient] = number_sizes(recipe);
  const int shards = shard_ranks(recipe, ranks);
  const UnitSizes unit = unit_sizes(s, recipe.adapter, shards);
  const StepShape step = step_shape(recipe.train, ranks);
  const GatherPolicy policy = gather_policy(s, recipe.train, !lora, shards);
  const double layers = static_cast<double>(s.layers), r = shards;
  const double base = unit.embedding + unit.head + layers * unit.block;
  const double trained = lora ? layers * unit.adapter : base;
  const bool accumulates = step.passes > 1;
  const bool adds_in_full = accumulates && recipe.train.accumulation == "full";
  // A single rank in fp32 owns whole units: nothing is gathered, and gradients are written in place.
  const bool whole = shards == 1 && full == 4;
  MemoryPlan plan;
  const auto add = [&](std::string what, std::string formula, double bytes) {
    if (bytes > 0) plan.items.push_back({std::move(what), std::move(formula), bytes});
  };
  add("program and libraries", device.is_cpu() ? "measured" : "assumed", runtime_bytes);
  if (lora) add("frozen weights", "P e / R", base / r * full);
  add("weights (fp32)", lora ? "P_adapters 4 / R" : "P 4 / R", (lora ? layers * unit.adapter : base) / r * 4);
  add("gradients", "P_trained 4 / R", trained / r * 4);
  add("Adam's moments", "P_trained 8 / R", trained / r * 8);
  if (copies_for_checkpoints(recipe.train)) {
    add("copy for checkpoints", "P_trained 12 / R", trained / r * 12);
  }
  if (!whole) {
    const auto slots = static_cast<double>(policy.block_slots);
    add("gathered blocks", policy.keep_blocks ? "L P_block e" : fmt::format("{} P_block e", policy.block_slots),
        slots * unit.block * full);
    add("gathered embedding and head", policy.share_edges ? "max(P_embedding, P_head) e" : "(P_embedding + P_head) e",
        (policy.share_edges ? std::max(unit.embedding, unit.head) : unit.embedding + unit.head) * full);
    if (lora) add("gathered adapters", "L P_adapter e", layers * unit.adapter * full);
  }
  if (!whole || accumulates) {
    const auto slots = static_cast<double>(policy.gradient_slots);
    const double slot = lora ? unit.adapter : unit.block;
    const double edges =
        lora ? 0 : (policy.share_gradients ? std::max(unit.embedding, unit.head) : unit.embedding + unit.head);
    add("full gradients", lora ? "slots P_adapter e" : "slots P_block e + max(P_embedding, P_head) e",
        (slots * slot + edges) * gradient);
    if (adds_in_full && !whole) {
      add("gradients of a pass", "(P_block + P_embedding + P_head) e", (slot + edges) * gradient);
    } else if (accumulates) {
      add("reduced gradients of a pass", "as above / R", (slots * slot + edges) / r * 4);
    }
  }
  const double n = static_cast<double>(step.micro_rows * recipe.train.sequence_length);
  const double d = static_cast<double>(s.dim), f = static_cast<double>(s.ffn_dim), v = static_cast<double>(s.vocab_size);
  const double o = static_cast<double>(s.heads * s.head_dim);
  const double e = static_cast<double>((s.heads + 2 * s.kv_heads) * s.head_dim);
  const std::string& mode = recipe.train.activation_checkpointing;
  const double per_token = kept_per_token(s, recipe);
  // The last block is never recomputed: it is kept in full.
  Recipe in_full = recipe;
  in_full.train.activation_checkpointing = "none";
  add(fmt::format("activations (checkpointing: {})", mode), kept_formula(mode),
      n * full * ((layers - 1) * per_token + kept_per_token(s, in_full)));
  // Two moments can be the highest: in the head, and in a block's backward pass.
  const double chunk = std::min(n, static_cast<double>(head_chunk_tokens(static_cast<std::int64_t>(n), s.vocab_size)));
  const double head = n * 4 * d * full + chunk * v * 4;
  const double block = n * (6 * d + 2 * f + o + 2 * e) * full;
  add(head > block ? "working memory of the head" : "working memory of a block's backward pass",
      head > block ? "4 N D e + chunk V 4" : "N (6D + 2F + O + 2E) e", std::max(head, block));
  return plan;
}

TimePlan cpu_time_plan(const ModelShape& s, const Recipe& recipe, int ranks, const Calibration& m) {
  const StepShape step = step_shape(recipe.train, ranks);
  const int shards = shard_ranks(recipe, ranks);
  const UnitSizes unit = unit_sizes(s, recipe.adapter, shards);
  const double layers = static_cast<double>(s.layers);
  const double trained = recipe.adapter.kind != "none" ? layers * unit.adapter
                                                       : unit.embedding + unit.head + layers * unit.block;
  TimePlan plan;
  plan.compute_s = static_cast<double>(step.passes) * (m.one_block_model_s + (layers - 1) * m.block_s);
  plan.update_s = trained / shards * m.update_s_per_element;
  plan.step_s = plan.compute_s + plan.update_s;
  plan.tokens_per_second =
      static_cast<double>(recipe.train.global_batch * recipe.train.sequence_length) / plan.step_s;
  return plan;
}

TimePlan gpu_time_plan(const ModelShape& s, const Recipe& recipe, int ranks, const DeviceKind& device) {
  const bool lora = recipe.adapter.kind != "none";
  const StepShape step = step_shape(recipe.train, ranks);
  const int shards = shard_ranks(recipe, ranks);
  const UnitSizes unit = unit_sizes(s, recipe.adapter, shards);
  const auto [full, gradient] = number_sizes(recipe);
  const GatherPolicy policy = gather_policy(s, recipe.train, !lora, shards);
  const double layers = static_cast<double>(s.layers), r = shards;
  const double tokens = static_cast<double>(step.rows_per_rank * recipe.train.sequence_length);
  double flops = flops_per_token(s, recipe.train.sequence_length, lora) * tokens;
  // Recomputing the blocks is a second forward pass; of the gate and up products, two thirds of the
  // feed-forward part.
  const double f = static_cast<double>(s.ffn_dim), d = static_cast<double>(s.dim);
  const double block_forward = 2 * unit.block * tokens * layers;
  if (recipe.train.activation_checkpointing == "full") flops += block_forward;
  if (recipe.train.activation_checkpointing == "selective") flops += 4 * d * f * tokens * layers;
  TimePlan plan;
  plan.compute_s = flops / (device.matmul_flops * kAssumedUtilization);
  const double passes = static_cast<double>(step.passes), share = (r - 1) / r;
  const double blocks = layers * unit.block, edges = unit.embedding + unit.head;
  const double gathers = (policy.keep_blocks || lora ? blocks : 2 * passes * blocks) + (policy.share_edges ? 2 * passes : 1) * edges;
  const double reduced = (recipe.train.accumulation == "full" ? 1 : passes) * (lora ? layers * unit.adapter : blocks + edges);
  const double link = shards > device.devices_per_node ? device.net_link_bytes_s : device.node_link_bytes_s;
  plan.exchange_s = share * (gathers * full + reduced * gradient) / link;
  if (shards < ranks) {  // replicas add up their slices once a step, in fp32
    const double replicas = static_cast<double>(ranks) / r;
    const double outer = ranks > device.devices_per_node ? device.net_link_bytes_s : device.node_link_bytes_s;
    plan.exchange_s += 2 * (replicas - 1) / replicas * (lora ? layers * unit.adapter : blocks + edges) / r * 4 / outer;
  }
  // AdamW reads weights, gradient and moments and writes three of them: 28 bytes an element.
  const double trained = lora ? layers * unit.adapter : blocks + edges;
  constexpr double kMemoryBytesPerSecond = 1.5e12;  // what the slowest of the kinds (A100) reaches of its 2.0e12
  plan.update_s = trained / r * 28 / kMemoryBytesPerSecond;
  plan.step_s = std::max(plan.compute_s, plan.exchange_s) + plan.update_s;
  plan.tokens_per_second =
      static_cast<double>(recipe.train.global_batch * recipe.train.sequence_length) / plan.step_s;
  return plan;
}

std::vector<Remedy> remedies(const ModelShape& shape, const Recipe& recipe, int ranks, const DeviceKind& device,
                             double runtime_bytes, double node_bytes) {
  const auto room = [&](int count) {
    return device.is_cpu() ? node_bytes / count : node_bytes;
  };
  std::vector<Remedy> found;
  const auto consider = [&](const std::string& change, const Recipe& changed, int count) {
    const double bytes = memory_plan(shape, changed, count, device, runtime_bytes).total_bytes();
    if (bytes <= room(count)) found.push_back({change, bytes});
    return bytes <= room(count);
  };
  Recipe changed = recipe;
  std::string sets;
  const auto step = step_shape(recipe.train, ranks);
  for (std::int64_t rows = step.micro_rows / 2; rows >= 1; rows /= 2) {
    changed.train.micro_batch = rows;
    if (consider(fmt::format("--set train.micro_batch={}", rows), changed, ranks)) break;
  }
  changed = recipe;
  for (const char* mode : {"selective", "full"}) {
    if (recipe.train.activation_checkpointing == mode || recipe.train.activation_checkpointing == "full") continue;
    changed.train.activation_checkpointing = mode;
    if (consider(fmt::format("--set train.activation_checkpointing={}", mode), changed, ranks)) break;
  }
  changed = recipe;
  changed.train.reshard = "always";
  if (recipe.train.reshard != "always") consider("--set train.reshard=always", changed, ranks);
  if (found.empty()) {  // everything together
    changed.train.activation_checkpointing = "full";
    changed.train.micro_batch = 1;
    consider("--set train.micro_batch=1 --set train.activation_checkpointing=full --set train.reshard=always",
             changed, ranks);
  }
  if (!device.is_cpu()) {  // a CPU's ranks share one memory: more of them do not help on one machine
    for (int count = ranks * 2; count <= 4096; count *= 2) {
      if (consider(fmt::format("--ranks {}", count), recipe, count)) break;
    }
  }
  if (found.empty() && recipe.adapter.kind == "none") {
    changed.adapter.kind = "lora";
    consider("an adapter (adapter.kind=lora) with all of train.micro_batch=1, activation_checkpointing=full, reshard=always",
             changed, ranks);
  }
  return found;
}

}  // namespace anneal
