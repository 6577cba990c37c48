// Causal attention within documents. The tokens of a micro-batch are cut into segments (documents or
// pieces of one); no token ever sees another segment (block-causal mask without a mask).
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/model_shape.h"

namespace anneal {

/// `count` neighbouring segments of `length` tokens each, the first at token `begin`.
struct SegmentRun {
  std::int64_t begin = 0, length = 0, count = 0;
  friend bool operator==(const SegmentRun&, const SegmentRun&) = default;
};

/// Runs of equal segments from document indices per token (rows x length; -1 = padding, which
/// attends within itself). A row always ends a segment.
std::vector<SegmentRun> segment_runs(std::span<const std::int32_t> documents, std::int64_t length);

/// qkv_NE holds q (heads), k and v (kv_heads each) side by side, rotated already. Writes out_NE'
/// (heads * head_dim) and lse = {[N, heads]}, the log-sum-exp of every row for the backward pass.
/// Exact softmax over blocks of queries; the work space is kBlockNumbers numbers a thread and buffer.
void attention_forward(const at::Tensor& qkv_NE, const std::vector<SegmentRun>& runs,
                       const ModelShape& shape, at::Tensor& out_NE, std::vector<at::Tensor>& lse);

/// Writes the derivative with respect to qkv (before rotating back). The probabilities are computed
/// again from q, k and lse (Dao et al. 2022, "FlashAttention", section 3.1).
void attention_backward(const at::Tensor& dout_NE, const at::Tensor& qkv_NE, const at::Tensor& out_NE,
                        const std::vector<at::Tensor>& lse, const std::vector<SegmentRun>& runs,
                        const ModelShape& shape, at::Tensor& dqkv_NE);

}  // namespace anneal
