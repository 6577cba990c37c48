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
/// (heads * head_dim) and appends each run's log-sum-exp for the backward pass.
void attention_forward(const at::Tensor& qkv_NE, const std::vector<SegmentRun>& runs,
                       const ModelShape& shape, at::Tensor& out_NE, std::vector<at::Tensor>& lse);

/// Writes the derivative with respect to qkv (before rotating back).
void attention_backward(const at::Tensor& dout_NE, const at::Tensor& qkv_NE, const at::Tensor& out_NE,
                        const std::vector<at::Tensor>& lse, const std::vector<SegmentRun>& runs,
                        const ModelShape& shape, at::Tensor& dqkv_NE);

}  // namespace anneal
