// A LLaMA spread over ranks: forward and backward over one micro-batch with explicit acquire, prefetch
// and release of the units' full weights (ZeRO-3; sharded_training.md 3.7). Block weights live in a few slots
// used in turn, or, where all of them are small, stay gathered for the step as embedding and head
// do (ZeRO-2: one exchange a step instead of two a block). Embedding and head of a large model take
// turns in one buffer, as their gradients always do: the embedding is needed first and last.
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/token_batch.h"
#include "parallel/group.h"
#include "parallel/mesh.h"
#include "parallel/sharded_unit.h"
#include "parallel/unit_buffers.h"
#include "recipes/schema.h"
#include "trainer/gather_policy.h"
#include "trainer/model/block.h"
#include "trainer/model_shape.h"

namespace anneal {

/// Fills a parameter's elements [begin, begin + count) from its start.
using ParameterFiller = std::function<void(const ParameterSlot& slot, std::int64_t begin,
                                           std::int64_t count, float* to)>;

struct StepContext {
  double loss_scale = 1;             ///< 1 / valid tokens of the whole step
  bool accumulate = false;           ///< not the first micro-batch: add to the gradient slices
  bool last = true;                  ///< the step's last micro-batch: the gradient slices become final
  std::uint64_t dropout_key = 0;     ///< seed and step, for the adapters' dropout
  std::vector<std::uint64_t> samples;  ///< [rows] global sample indices
};

class ShardedModel {
 public:
  /// Weights are zero until `fill` is called. With adapters the base is frozen. The ranks form the mesh
  /// that `train.replicate` asks for.
  ShardedModel(const ModelShape& shape, const AdapterOptions& adapter, const TrainOptions& train,
               const Group& group, at::Device device = at::kCPU);

  /// Sets this rank's slices of the base (and not of the adapters).
  void fill_base(const ParameterFiller& filler);
  /// Sets this rank's slices of the adapters.
  void fill_adapters(const ParameterFiller& filler);

  /// Summed cross-entropy of the micro-batch; the derivative of loss_scale times it goes to the units'
  /// gradient slices. All ranks must call it, also with zero rows.
  double forward_backward(const TokenBatch& batch, const StepContext& step);
  /// Summed cross-entropy without a derivative (and without dropout).
  double loss(const TokenBatch& batch);
  /// Must be called after the trained weights' slices changed: gathered copies are stale (a frozen unit
  /// stays as gathered).
  void weights_changed() { drop_gathered(/*all=*/false); }

  /// Calls `visit` for every parameter with its whole value (a view, valid during the call). All ranks
  /// take part. Order of the units; adapters last.
  void visit_full_parameters(
      const std::function<void(const ParameterSlot& slot, const at::Tensor& value)>& visit);

  const Mesh& mesh() const { return mesh_; }
  const GatherPolicy& policy() const { return policy_; }
  /// Is told what the schedule does from now on.
  void set_trace(ScheduleTrace trace) { *trace_ = std::move(trace); }

  const ModelShape& shape() const { return shape_; }
  const AdapterOptions& adapter() const { return adapter_; }
  bool has_adapters() const { return !adapters_.empty(); }
  /// All units with a stable order: embedding, blocks, head, adapters.
  std::vector<ShardedUnit*> units();
  std::vector<ShardedUnit*> trained_units();
  std::int64_t num_trained_parameters() const;

 private:
  BlockContext context_for(const TokenBatch& batch, const StepContext* step);
  std::int64_t room_for(const ShardedUnit& unit) const;
  at::Tensor resident(ShardedUnit& unit, WeightSlot& slot) { return slot.get(unit, room_for(unit)); }
  WeightSlot& head_slot() { return policy_.share_edges ? embedding_slot_ : head_slot_; }
  GradientSlot& head_gradient() { return policy_.share_gradients ? embedding_gradient_ : head_gradient_; }
  WeightSlot& block_slot(std::int64_t layer) { return block_slots_[layer % policy_.block_slots]; }
  GradientSlot& block_gradient(std::int64_t layer) { return block_gradients_[layer % policy_.gradient_slots]; }
  void drop_gathered(bool all);
  void prefetch(std::int64_t layer);
  at::Tensor gradient_of(ShardedUnit& unit, GradientSlot& slot, const Accumulation& how);
  void reduce(ShardedUnit& unit, GradientSlot& slot);
  bool trains_below(std::int64_t layer) const;
  std::pair<at::Tensor, at::Tensor> head_weights();  // final norm [D], head [V, D]
  at::Tensor forward_blocks(const TokenBatch& batch, const BlockContext& context,
                            std::vector<BlockSaved>* saved);
  void backward_blocks(at::Tensor dx_ND, const TokenBatch& batch, const BlockContext& context,
                       std::vector<BlockSaved>& saved, const Accumulation& how);
  void backward_embedding(const at::Tensor& dx_ND, const TokenBatch& batch, const Accumulation& how);

  ModelShape shape_;
  AdapterOptions adapter_;
  at::Device device_;
  Mesh mesh_;
  GatherPolicy policy_;
  BlockKeep keep_;  // activation checkpointing
  bool add_in_full_;
  std::shared_ptr<ScheduleTrace> trace_ = std::make_shared<ScheduleTrace>();
  std::unique_ptr<ShardedUnit> embedding_, head_;
  std::vector<std::unique_ptr<ShardedUnit>> blocks_, adapters_;
  WeightSlot embedding_slot_, head_slot_;
  std::vector<WeightSlot> block_slots_;  // used in turn, or one a block when nothing is resharded
  std::vector<WeightSlot> adapter_slots_;
  GradientSlot embedding_gradient_, head_gradient_;
  std::vector<GradientSlot> block_gradients_;  // of the blocks or, where these are frozen, of their adapters
  RotaryTable rotary_;
};

/// Fresh weights, a pure function of (seed, parameter name, element): normal with init_std, the
/// residual products (o_proj, down_proj) scaled by 1/sqrt(2 layers) (GPT-2), norms 1;
/// lora_A uniform(+-1/sqrt(in)), lora_B 0 (PEFT).
ParameterFiller fresh_weights(const ModelShape& shape, std::uint64_t seed);

}  // namespace anneal
