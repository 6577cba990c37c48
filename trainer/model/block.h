// One LLaMA block (Touvron et al. 2023), forward and hand-written backward on one device:
//   x1 = x + attention(norm(x)),  y = x1 + down(silu(gate(norm(x1))) * up(norm(x1)))
// The block is given weights as tensors and knows nothing of ranks, units or optimisers.
//   N = tokens of the micro-batch, D = dim, E = (heads + 2 kv_heads) * head_dim, F = ffn_dim
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <vector>

#include "trainer/model/adapter.h"
#include "trainer/model/attention.h"
#include "trainer/model/kernels.h"
#include "trainer/model_shape.h"

namespace anneal {

/// Weights, or gradients of the same shapes. q, k, v and gate, up are fused: one product each.
struct BlockWeights {
  at::Tensor norm1_D, qkv_ED, o_DO, norm2_D, gate_up_FD, down_DF;
  bool defined() const { return norm1_D.defined(); }
};

/// Matrices that can carry an adapter, in the order of the recipe's names.
enum AdapterTarget { kQ, kK, kV, kO, kGate, kUp, kDown, kNumAdapterTargets };
using BlockAdapters = std::array<AdapterPair, kNumAdapterTargets>;

/// What all blocks share in one micro-batch.
struct BlockContext {
  ModelShape shape;
  RotaryTable rotary;
  at::Tensor positions_N;        ///< int32
  std::vector<SegmentRun> runs;
  double adapter_scale = 0;      ///< alpha / r
  AdapterDropout dropout;
};

/// What the backward pass needs; about (2D + 2E + 2F) numbers a token.
struct BlockSaved {
  at::Tensor x_ND, rstd1_N, qkv_NE, attention_NO, x1_ND, rstd2_N, gate_up_NF;
  std::vector<at::Tensor> lse;
  std::array<AdapterSaved, kNumAdapterTargets> adapters;
};

/// What is kept of a block's forward pass for its backward pass (activation checkpointing).
enum class BlockKeep {
  kAll,        ///< nothing is recomputed
  kAttention,  ///< all but the gate and up products, the largest part: 6 D of 11.3 D numbers a token
  kInput,      ///< the block's input only
};

/// y_ND. `adapters` may be null; `layer` salts the dropout.
at::Tensor block_forward(const at::Tensor& x_ND, const BlockWeights& weights,
                         const BlockAdapters* adapters, std::int64_t layer,
                         const BlockContext& context, BlockSaved& saved);

/// Lets go of what is not kept.
void block_forget(BlockKeep keep, BlockSaved& saved);

/// Computes what was let go of again, to the same bits; the block's output is left out.
void block_again(const BlockWeights& weights, const BlockAdapters* adapters, std::int64_t layer,
                 const BlockContext& context, BlockSaved& saved);

/// dx_ND from dy_ND. Writes gradients of the weights unless `gradients` is null (frozen base), and of
/// the adapters unless `adapter_gradients` is null. Consumes `saved`. Without `input_gradient` (nothing
/// below is trained) the last product is left out and nothing is returned.
at::Tensor block_backward(const at::Tensor& dy_ND, const BlockWeights& weights,
                          const BlockAdapters* adapters, std::int64_t layer,
                          const BlockContext& context, BlockSaved& saved, BlockWeights* gradients,
                          BlockAdapters* adapter_gradients, bool input_gradient = true);

/// Rotary table for positions 0 .. positions-1 in fp32 (or fp64 for gradient checks).
RotaryTable rotary_table(const ModelShape& shape, std::int64_t positions, at::ScalarType type);

}  // namespace anneal
