#include "trainer/sharded_model.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/random.h"
#include "trainer/gather_policy.h"
#include "trainer/model/head.h"
#include "trainer/model_units.h"

namespace anneal {

namespace {

at::Tensor int_tensor(const std::vector<std::int32_t>& values) {
  at::Tensor t = at::empty({static_cast<std::int64_t>(values.size())}, at::kInt);
  if (!values.empty()) std::memcpy(t.data_ptr(), values.data(), values.size() * sizeof(std::int32_t));
  return t;
}

template <class S>
S& slot_of(std::vector<S>& slots, std::int64_t layer) {
  return slots[static_cast<std::size_t>(layer) % slots.size()];
}

/// A lent buffer of at least `numel` elements.
void make_room(at::Tensor& buffer, std::int64_t numel) {
  if (buffer.defined() && buffer.numel() >= numel) return;
  buffer.reset();  // first: the old and the new one are never there together
  buffer = at::empty({numel}, at::kFloat);
}

/// The alignment gaps of a gradient are written by nobody and must not count in its norm.
void zero_gaps(const ShardedUnit& unit, at::Tensor& full) {
  auto* to = full.data_ptr<float>();
  std::int64_t end = 0;
  for (const auto& slot : unit.layout().slots()) {
    std::fill(to + end, to + slot.offset, 0.0f);
    end = slot.offset + slot.numel();
  }
  std::fill(to + end, to + unit.padded_numel(), 0.0f);
}

BlockKeep keep_of(const std::string& activation_checkpointing) {
  if (activation_checkpointing == "full") return BlockKeep::kInput;
  if (activation_checkpointing == "selective") return BlockKeep::kAttention;
  return BlockKeep::kAll;
}

void fill_units(std::span<ShardedUnit* const> units, const ParameterFiller& filler) {
  for (ShardedUnit* unit : units) {
    const std::int64_t begin = unit->slice_begin(), end = begin + unit->slice_numel();
    auto* weights = unit->weights().data_ptr<float>();
    for (const auto& slot : unit->layout().slots()) {
      const std::int64_t from = std::max(slot.offset, begin);
      const std::int64_t to = std::min(slot.offset + slot.numel(), end);
      if (from < to) filler(slot, from - slot.offset, to - from, weights + (from - begin));
    }
  }
}

}  // namespace

ShardedModel::ShardedModel(const ModelShape& shape, const AdapterOptions& adapter,
                           const TrainOptions& train, const Group& group)
    : shape_(shape),
      adapter_(adapter),
      group_(group),
      keep_(keep_of(train.activation_checkpointing)) {
  const bool train_base = adapter.kind == "none";
  embedding_ = std::make_unique<ShardedUnit>(embedding_layout(shape), group, train_base);
  for (std::int64_t i = 0; i < shape.layers; ++i) {
    blocks_.push_back(std::make_unique<ShardedUnit>(block_layout(shape, i), group, train_base));
    if (!train_base) {
      adapters_.push_back(
          std::make_unique<ShardedUnit>(adapter_layout(shape, i, adapter), group, true));
    }
  }
  head_ = std::make_unique<ShardedUnit>(head_layout(shape), group, train_base);
  adapter_slots_.resize(adapters_.size());
  const GatherPolicy policy = gather_policy(shape, train, train_base, group.size());
  share_edges_ = policy.share_edges;
  const auto slots = static_cast<std::size_t>(policy.keep_blocks ? shape.layers : 2);
  block_slots_.resize(slots);
  block_gradients_.resize(slots);
  adapter_gradients_.resize(slots);
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
    n += unit->layout().num_parameters();
  }
  return n;
}

void ShardedModel::fill_base(const ParameterFiller& filler) {
  auto all = units();
  all.resize(all.size() - adapters_.size());
  fill_units(all, filler);
  embedding_slot_ = Slot{};
  head_slot_ = Slot{};
  for (auto& slot : block_slots_) slot = Slot{};
}

void ShardedModel::fill_adapters(const ParameterFiller& filler) {
  auto all = units();
  fill_units(std::span(all).last(adapters_.size()), filler);
  weights_changed();
}

void ShardedModel::weights_changed() {
  const auto drop = [](Slot& slot) {
    slot.pending.wait();
    slot.unit = nullptr;
  };
  for (auto& slot : adapter_slots_) drop(slot);
  if (has_adapters()) return;  // the base is frozen and stays as gathered
  drop(embedding_slot_);
  drop(head_slot_);
  for (auto& slot : block_slots_) drop(slot);
}

std::int64_t ShardedModel::room_for(const ShardedUnit& unit) const {
  if (&unit != embedding_.get() && &unit != head_.get()) return unit.padded_numel();
  return std::max(embedding_->padded_numel(), head_->padded_numel());  // they share buffers
}

// ---- the full weights of a unit -------------------------------------------------------------------

void ShardedModel::start_gather(ShardedUnit& unit, Slot& slot) {
  if (unit.is_whole() || slot.unit == &unit) return;
  slot.pending.wait();
  make_room(slot.full, room_for(unit));
  slot.unit = &unit;
  slot.pending = unit.gather_into(slot.full);
}

at::Tensor ShardedModel::resident(ShardedUnit& unit, Slot& slot) {
  if (unit.is_whole()) return unit.weights();
  start_gather(unit, slot);
  slot.pending.wait();
  return slot.full;
}

void ShardedModel::prefetch(std::int64_t layer) {
  if (layer < 0 || layer >= shape_.layers) return;
  start_gather(*blocks_[layer], slot_of(block_slots_, layer));
}

at::Tensor ShardedModel::acquire(std::int64_t layer) {
  return resident(*blocks_[layer], slot_of(block_slots_, layer));
}

at::Tensor ShardedModel::acquire_adapter(std::int64_t layer) {
  return resident(*adapters_[layer], adapter_slots_[layer]);
}

// ---- gradients ------------------------------------------------------------------------------------

at::Tensor ShardedModel::gradient_buffer(ShardedUnit& unit, GradientSlot& slot, bool accumulate) {
  const bool begun = slot.unit == &unit && !slot.reducing;  // a tied head wrote its part already
  if (!begun) finish(slot);
  slot.unit = &unit;
  slot.accumulate = accumulate;
  // One rank and nothing to add to: the slice itself is written.
  if (unit.is_whole() && !accumulate) return unit.gradient();
  make_room(slot.full, room_for(unit));
  if (!begun) zero_gaps(unit, slot.full);
  return slot.full;
}

void ShardedModel::reduce(GradientSlot& slot) {
  ShardedUnit& unit = *slot.unit;
  if (unit.is_whole() && !slot.accumulate) {
    slot.unit = nullptr;
    return;
  }
  if (slot.accumulate) make_room(slot.scratch, room_for(unit) / group_.size());
  slot.reducing = true;
  slot.pending = unit.reduce_from(slot.full, slot.scratch, slot.accumulate);
}

void ShardedModel::finish(GradientSlot& slot) {
  if (!slot.unit) return;
  slot.pending.wait();
  slot.unit->finish_reduce(slot.scratch, slot.accumulate);
  slot.unit = nullptr;
  slot.reducing = false;
}

// ---- one micro-batch ------------------------------------------------------------------------------

BlockContext ShardedModel::context_for(const TokenBatch& batch, const StepContext* step) {
  std::int32_t last = 0;
  for (const auto position : batch.positions) last = std::max(last, position);
  if (!rotary_.cos.defined() || rotary_.cos.size(0) <= last) {
    rotary_ = rotary_table(shape_, std::max<std::int64_t>(last + 1, batch.length), at::kFloat);
  }
  BlockContext context{.shape = shape_,
                       .rotary = rotary_,
                       .positions_N = int_tensor(batch.positions),
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
  // Gathered ahead: all blocks where they stay, else the first.
  const auto ahead = static_cast<std::int64_t>(block_slots_.size() > 2 ? block_slots_.size() : 1);
  for (std::int64_t i = 0; i < ahead; ++i) prefetch(i);
  const at::Tensor table = parameter_view(resident(*embedding_, embedding_slot_),
                                          embedding_->layout().slots()[0]);
  at::Tensor x_ND = embedding_forward(table, batch.tokens);
  start_gather(*head_, head_slot());
  for (std::int64_t i = 0; i < shape_.layers; ++i) {
    const BlockWeights weights = block_view(acquire(i), blocks_[i]->layout(), shape_);
    prefetch(i + 1);
    BlockAdapters adapters;
    if (has_adapters()) adapters = adapter_view(acquire_adapter(i), adapters_[i]->layout());
    BlockSaved scratch;
    BlockSaved& keep = saved ? (*saved)[i] : scratch;
    at::Tensor y_ND =
        block_forward(x_ND, weights, has_adapters() ? &adapters : nullptr, i, context, keep);
    // The last block's backward pass comes next: nothing is won by computing it twice.
    if (saved && i + 1 < shape_.layers) block_forget(keep_, keep);
    x_ND = std::move(y_ND);
  }
  return x_ND;
}

void ShardedModel::backward_blocks(at::Tensor dx_ND, const TokenBatch& batch,
                                   const BlockContext& context, std::vector<BlockSaved>& saved,
                                   bool accumulate) {
  const bool train_base = !has_adapters();
  for (std::int64_t i = shape_.layers - 1; i >= 0; --i) {
    const BlockWeights weights = block_view(acquire(i), blocks_[i]->layout(), shape_);
    prefetch(i - 1);
    BlockAdapters adapters, adapter_gradients;
    BlockWeights gradients;
    if (train_base) {
      gradients = block_view(gradient_buffer(*blocks_[i], slot_of(block_gradients_, i), accumulate),
                             blocks_[i]->layout(), shape_);
    } else {
      adapters = adapter_view(acquire_adapter(i), adapters_[i]->layout());
      adapter_gradients =
          adapter_view(gradient_buffer(*adapters_[i], slot_of(adapter_gradients_, i), accumulate),
                       adapters_[i]->layout());
    }
    const BlockAdapters* lora = has_adapters() ? &adapters : nullptr;
    block_again(weights, lora, i, context, saved[i]);
    dx_ND = block_backward(dx_ND, weights, lora, i, context, saved[i],
                           train_base ? &gradients : nullptr, lora ? &adapter_gradients : nullptr,
                           /*input_gradient=*/train_base || i > 0);
    reduce(train_base ? slot_of(block_gradients_, i) : slot_of(adapter_gradients_, i));
  }
  if (!train_base) return;
  const at::Tensor buffer = gradient_buffer(*embedding_, embedding_gradient_, accumulate);
  at::Tensor dtable_VD = parameter_view(buffer, embedding_->layout().slots()[0]);
  // A tied head has put its part there already.
  if (!shape_.tied_head) dtable_VD.zero_();
  embedding_backward(dx_ND, batch.tokens, dtable_VD);
  reduce(embedding_gradient_);
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

  const auto [norm_D, weight_VD] = head_weights();
  HeadGradients gradients;
  if (!has_adapters()) {
    const at::Tensor buffer = gradient_buffer(*head_, head_gradient(), step.accumulate);
    gradients.dnorm_D = parameter_view(buffer, head_->layout().slots()[0]);
    gradients.dweight_VD =
        shape_.tied_head
            ? parameter_view(gradient_buffer(*embedding_, embedding_gradient_, step.accumulate),
                             embedding_->layout().slots()[0])
            : parameter_view(buffer, head_->layout().slots()[1]);
  }
  const double loss = head_loss(x_ND, norm_D, shape_.norm_eps, weight_VD, batch.targets,
                                step.loss_scale, &gradients);
  if (!has_adapters()) reduce(head_gradient());
  backward_blocks(gradients.dx_ND, batch, context, saved, step.accumulate);
  for (auto* slots : {&block_gradients_, &adapter_gradients_}) {
    for (auto& slot : *slots) finish(slot);
  }
  finish(head_gradient_);
  finish(embedding_gradient_);
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
    Slot once;
    const at::Tensor full = resident(*unit, once);
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
