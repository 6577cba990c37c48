#include "trainer/sharded_model.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/random.h"
#include "trainer/gather_policy.h"
#include "trainer/model/device_ops.h"
#include "trainer/model/head.h"
#include "trainer/model_units.h"

namespace anneal {

namespace {

BlockKeep keep_of(const std::string& activation_checkpointing) {
  if (activation_checkpointing == "full") return BlockKeep::kInput;
  if (activation_checkpointing == "selective") return BlockKeep::kAttention;
  return BlockKeep::kAll;
}

UnitNumbers numbers_of(const TrainOptions& train, at::Device device) {
  UnitNumbers numbers{.device = device};
  if (train.precision != "bf16") return numbers;
  numbers.weights = NumberType::kBf16;
  if (train.reduce == "bf16") numbers.gradients = NumberType::kBf16;
  return numbers;
}

void fill_units(std::span<ShardedUnit* const> units, const ParameterFiller& filler) {
  for (ShardedUnit* unit : units) {
    const std::int64_t begin = unit->slice_begin(), end = begin + unit->slice_numel();
    at::Tensor filled = at::zeros({unit->slice_numel()}, at::kFloat);
    auto* weights = filled.data_ptr<float>();
    for (const auto& slot : unit->layout().slots()) {
      const std::int64_t from = std::max(slot.offset, begin);
      const std::int64_t to = std::min(slot.offset + slot.numel(), end);
      if (from < to) filler(slot, from - slot.offset, to - from, weights + (from - begin));
    }
    unit->weights().copy_(filled);
  }
}

std::shared_ptr<at::Tensor> make_spare() { return std::make_shared<at::Tensor>(); }

}  // namespace

ShardedModel::ShardedModel(const ModelShape& shape, const AdapterOptions& adapter,
                           const TrainOptions& train, const Group& group, at::Device device)
    : shape_(shape),
      adapter_(adapter),
      device_(device),
      mesh_(make_mesh(group, train.replicate)),
      policy_(gather_policy(shape, train, adapter.kind == "none", mesh_.shard.size())),
      keep_(keep_of(train.activation_checkpointing)),
      add_in_full_(train.accumulation == "full"),
      embedding_slot_(trace_),
      head_slot_(trace_),
      embedding_gradient_(trace_, make_spare()),
      head_gradient_(trace_, make_spare()) {
  const bool adapters = adapter.kind != "none";
  const auto unit = [&](UnitLayout layout, bool base) {
    if (base && adapters) layout.freeze();
    layout.freeze(train.freeze);
    return std::make_unique<ShardedUnit>(std::move(layout), mesh_, numbers_of(train, device));
  };
  embedding_ = unit(embedding_layout(shape), /*base=*/true);
  const auto spare = make_spare();
  for (std::int64_t i = 0; i < shape.layers; ++i) {
    blocks_.push_back(unit(block_layout(shape, i), /*base=*/true));
    if (!adapters) continue;
    adapters_.push_back(unit(adapter_layout(shape, i, adapter), /*base=*/false));
    adapter_slots_.emplace_back(trace_);
  }
  head_ = unit(head_layout(shape), /*base=*/true);
  for (std::int64_t i = 0; i < policy_.block_slots; ++i) block_slots_.emplace_back(trace_);
  for (std::int64_t i = 0; i < policy_.gradient_slots; ++i) block_gradients_.emplace_back(trace_, spare);
  if (trained_units().empty()) {
    throw UsageError("train.freeze leaves nothing to train", "name fewer parameters");
  }
}

std::vector<ShardedUnit*> ShardedModel::units() {
  std::vector<ShardedUnit*> all{embedding_.get()};
  for (auto& block : blocks_) all.push_back(block.get());
  all.push_back(head_.get());
  for (auto& adapter : adapters_) all.push_back(adapter.get());
  return all;
}

std::vector<ShardedUnit*> ShardedModel::trained_units() {
  std::vector<ShardedUnit*> trained;
  for (ShardedUnit* unit : units()) {
    if (unit->trained()) trained.push_back(unit);
  }
  return trained;
}

std::int64_t ShardedModel::num_trained_parameters() const {
  std::int64_t n = 0;
  for (auto* unit : const_cast<ShardedModel*>(this)->trained_units()) {
    n += unit->layout().num_trained_parameters();
  }
  return n;
}

void ShardedModel::fill_base(const ParameterFiller& filler) {
  auto all = units();
  all.resize(all.size() - adapters_.size());
  fill_units(all, filler);
  drop_gathered(/*all=*/true);
}

void ShardedModel::fill_adapters(const ParameterFiller& filler) {
  auto all = units();
  fill_units(std::span(all).last(adapters_.size()), filler);
  weights_changed();
}

void ShardedModel::drop_gathered(bool all) {
  embedding_slot_.drop(all);
  head_slot_.drop(all);
  for (auto* slots : {&block_slots_, &adapter_slots_}) {
    for (auto& slot : *slots) slot.drop(all);
  }
}

std::int64_t ShardedModel::room_for(const ShardedUnit& unit) const {
  if (&unit != embedding_.get() && &unit != head_.get()) return unit.padded_numel();
  return std::max(embedding_->padded_numel(), head_->padded_numel());  // they share buffers
}

void ShardedModel::prefetch(std::int64_t layer) {
  if (layer < 0 || layer >= shape_.layers) return;
  block_slot(layer).start(*blocks_[layer], room_for(*blocks_[layer]));
}

at::Tensor ShardedModel::gradient_of(ShardedUnit& unit, GradientSlot& slot, const Accumulation& how) {
  return slot.buffer(unit, room_for(unit), how);
}

void ShardedModel::reduce(ShardedUnit& unit, GradientSlot& slot) {
  slot.reduce(room_for(unit) / mesh_.shard.size());
}

bool ShardedModel::trains_below(std::int64_t layer) const {
  if (embedding_->trained() || (layer > 0 && has_adapters())) return true;
  for (std::int64_t i = 0; i < layer; ++i) {
    if (blocks_[i]->trained()) return true;
  }
  return false;
}

// ---- one micro-batch ------------------------------------------------------------------------------

BlockContext ShardedModel::context_for(const TokenBatch& batch, const StepContext* step) {
  std::int32_t last = 0;
  for (const auto position : batch.positions) last = std::max(last, position);
  if (!rotary_.cos.defined() || rotary_.cos.size(0) <= last) {
    rotary_ = rotary_table(shape_, std::max<std::int64_t>(last + 1, batch.length), at::kFloat);
    rotary_ = {rotary_.cos.to(device_), rotary_.sin.to(device_)};
  }
  BlockContext context{.shape = shape_,
                       .rotary = rotary_,
                       .positions_N = on_device(batch.positions, device_),
                       .runs = segment_runs(batch.documents, batch.length)};
  context.adapter_scale = adapter_.alpha / static_cast<double>(adapter_.r);
  if (step && has_adapters() && adapter_.dropout > 0) {
    context.dropout = {.rate = adapter_.dropout,
                       .key = step->dropout_key,
                       .samples = step->samples,
                       .length = batch.length};
  }
  return context;
}

at::Tensor ShardedModel::forward_blocks(const TokenBatch& batch, const BlockContext& context,
                                        std::vector<BlockSaved>* saved) {
  const std::int64_t ahead = policy_.block_slots - 1;
  // Before the embedding: all blocks where they stay, else as many as may be ahead.
  for (std::int64_t i = 0; i < std::max<std::int64_t>(1, ahead); ++i) prefetch(i);
  const at::Tensor table = parameter_view(resident(*embedding_, embedding_slot_),
                                          embedding_->layout().slots()[0]);
  at::Tensor x_ND = embedding_forward(table, batch.tokens);
  head_slot().start(*head_, room_for(*head_));
  for (std::int64_t i = 0; i < shape_.layers; ++i) {
    const BlockWeights weights =
        block_view(resident(*blocks_[i], block_slot(i)), blocks_[i]->layout(), shape_);
    if (ahead > 0) prefetch(i + ahead);
    BlockAdapters adapters;
    if (has_adapters()) {
      adapters = adapter_view(resident(*adapters_[i], adapter_slots_[i]), adapters_[i]->layout());
    }
    BlockSaved scratch;
    BlockSaved& keep = saved ? (*saved)[i] : scratch;
    at::Tensor y_ND =
        block_forward(x_ND, weights, has_adapters() ? &adapters : nullptr, i, context, keep);
    block_slot(i).done();
    // The last block's backward pass comes next: nothing is won by computing it twice.
    if (saved && i + 1 < shape_.layers) block_forget(keep_, keep);
    x_ND = std::move(y_ND);
  }
  return x_ND;
}

void ShardedModel::backward_blocks(at::Tensor dx_ND, const TokenBatch& batch,
                                   const BlockContext& context, std::vector<BlockSaved>& saved,
                                   const Accumulation& how) {
  const std::int64_t ahead = policy_.block_slots - 1;
  for (std::int64_t i = shape_.layers - 1; i >= 0; --i) {
    ShardedUnit& unit = has_adapters() ? *adapters_[i] : *blocks_[i];
    if (!unit.trained() && !trains_below(i)) return;
    const BlockWeights weights =
        block_view(resident(*blocks_[i], block_slot(i)), blocks_[i]->layout(), shape_);
    if (ahead > 0) prefetch(i - ahead);
    BlockAdapters adapters, adapter_gradients;
    BlockWeights gradients;
    if (has_adapters()) adapters = adapter_view(resident(*adapters_[i], adapter_slots_[i]), unit.layout());
    if (unit.trained()) {
      const at::Tensor buffer = gradient_of(unit, block_gradient(i), how);
      if (has_adapters()) {
        adapter_gradients = adapter_view(buffer, unit.layout());
      } else {
        gradients = trained_view(block_view(buffer, unit.layout(), shape_), unit.layout());
      }
    }
    const BlockAdapters* lora = has_adapters() ? &adapters : nullptr;
    const bool trains_base = !lora && unit.trained();
    block_again(weights, lora, i, context, saved[i]);
    dx_ND = block_backward(dx_ND, weights, lora, i, context, saved[i], trains_base ? &gradients : nullptr,
                           lora ? &adapter_gradients : nullptr,
                           /*input_gradient=*/trains_base || trains_below(i));
    block_slot(i).done();
    if (unit.trained()) reduce(unit, block_gradient(i));
  }
  if (embedding_->trained()) backward_embedding(dx_ND, batch, how);
}

void ShardedModel::backward_embedding(const at::Tensor& dx_ND, const TokenBatch& batch,
                                      const Accumulation& how) {
  const at::Tensor buffer = gradient_of(*embedding_, embedding_gradient_, how);
  at::Tensor dtable_VD = parameter_view(buffer, embedding_->layout().slots()[0]);
  // A tied head has put its part there already.
  if (!shape_.tied_head) dtable_VD.zero_();
  embedding_backward(dx_ND, batch.tokens, dtable_VD);
  reduce(*embedding_, embedding_gradient_);
}

std::pair<at::Tensor, at::Tensor> ShardedModel::head_weights() {
  const auto& slots = head_->layout().slots();
  const at::Tensor head = resident(*head_, head_slot());
  if (!shape_.tied_head) return {parameter_view(head, slots[0]), parameter_view(head, slots[1])};
  return {parameter_view(head, slots[0]), parameter_view(resident(*embedding_, embedding_slot_),
                                                         embedding_->layout().slots()[0])};
}

double ShardedModel::forward_backward(const TokenBatch& batch, const StepContext& step) {
  at::NoGradGuard no_grad;
  const BlockContext context = context_for(batch, &step);
  std::vector<BlockSaved> saved(shape_.layers);
  const at::Tensor x_ND = forward_blocks(batch, context, &saved);

  const Accumulation how{.first = !step.accumulate, .last = step.last, .in_full = add_in_full_};
  const auto [norm_D, weight_VD] = head_weights();
  const auto& slots = head_->layout().slots();
  HeadGradients gradients;
  if (head_->trained()) {
    const at::Tensor buffer = gradient_of(*head_, head_gradient(), how);
    if (!slots[0].frozen) gradients.dnorm_D = parameter_view(buffer, slots[0]);
    if (!shape_.tied_head && !slots[1].frozen) gradients.dweight_VD = parameter_view(buffer, slots[1]);
  }
  if (shape_.tied_head && embedding_->trained()) {
    gradients.dweight_VD = parameter_view(gradient_of(*embedding_, embedding_gradient_, how),
                                          embedding_->layout().slots()[0]);
  }
  const double loss = head_loss(x_ND, norm_D, shape_.norm_eps, weight_VD, batch.targets,
                                step.loss_scale, &gradients);
  if (head_->trained()) reduce(*head_, head_gradient());
  backward_blocks(gradients.dx_ND, batch, context, saved, how);
  for (auto& slot : block_gradients_) slot.finish();
  head_gradient_.finish();
  embedding_gradient_.finish();
  if (step.last) {
    for (ShardedUnit* unit : trained_units()) unit->finish_replica_sum();
  }
  return loss;
}

double ShardedModel::loss(const TokenBatch& batch) {
  at::NoGradGuard no_grad;
  const BlockContext context = context_for(batch, nullptr);
  const at::Tensor x_ND = forward_blocks(batch, context, nullptr);
  const auto [norm_D, weight_VD] = head_weights();
  return head_loss(x_ND, norm_D, shape_.norm_eps, weight_VD, batch.targets, /*scale=*/0,
                   /*gradients=*/nullptr);
}

void ShardedModel::visit_full_parameters(
    const std::function<void(const ParameterSlot&, const at::Tensor&)>& visit) {
  for (ShardedUnit* unit : units()) {
    const at::Tensor full = unit->gathered_masters();
    for (const auto& slot : unit->layout().slots()) visit(slot, parameter_view(full, slot));
  }
}

// ---- fresh weights --------------------------------------------------------------------------------

ParameterFiller fresh_weights(const ModelShape& shape, std::uint64_t seed) {
  return [shape, seed](const ParameterSlot& slot, std::int64_t begin, std::int64_t count, float* to) {
    const std::uint64_t key = derive_key({seed, name_key("weights"), name_key(slot.name)});
    if (slot.name.ends_with("lora_B.weight")) {
      std::fill(to, to + count, 0.0f);
    } else if (slot.name.ends_with("lora_A.weight")) {
      const double bound = 1.0 / std::sqrt(static_cast<double>(slot.shape[1]));
      for (std::int64_t i = 0; i < count; ++i) {
        const double u = Random(key, static_cast<std::uint64_t>(begin + i)).uniform();
        to[i] = static_cast<float>((2 * u - 1) * bound);
      }
    } else if (slot.shape.size() == 1) {
      std::fill(to, to + count, 1.0f);
    } else {
      const bool residual =
          slot.name.ends_with("o_proj.weight") || slot.name.ends_with("down_proj.weight");
      const double std =
          shape.init_std / (residual ? std::sqrt(2.0 * static_cast<double>(shape.layers)) : 1.0);
      for (std::int64_t i = 0; i < count; ++i) {
        to[i] = static_cast<float>(
            std * Random(key, 2 * static_cast<std::uint64_t>(begin + i)).normal());
      }
    }
  };
}

}  // namespace anneal
