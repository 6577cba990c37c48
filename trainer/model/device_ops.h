// The operations of kernels.h, attention.h and head.h through ATen: for bf16 and for GPUs, and on
// CPU the same code in fp32 and fp64, by which tests compare it with the hand-written kernels.
// These kernels hand over what is not theirs (`runs_in_kernels`); nothing else calls this file.
// bf16 numbers are worked on in fp32 and rounded once, when they are written; products take bf16
// and add in fp32 (cuBLAS, oneDNN).
//   N = tokens, D = dim, E = (heads + 2 kv_heads) * head_dim, F = feed-forward width, V =
//   vocabulary
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <span>
#include <vector>

#include "data/token_batch.h"
#include "trainer/model/attention.h"
#include "trainer/model/head.h"
#include "trainer/model/kernels.h"
#include "trainer/model_shape.h"

namespace anneal {

/// The hand-written kernels can take it: on CPU, in fp32 or fp64.
inline bool runs_in_kernels(const at::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble);
}

/// Options for statistics of x (norms, sums, log-sum-exp): at least fp32.
inline at::TensorOptions statistics_options(const at::Tensor& x) {
  return x.options().dtype(x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
}

/// Values of the host on the device of a model, through pinned memory where that is a GPU: the copy
/// does not wait for what the device is doing.
at::Tensor on_device(std::span<const std::int32_t> values, at::Device device);
at::Tensor on_device(std::span<const std::int64_t> values, at::Device device);

/// to = alpha a b, also where `to` has more digits than a and b.
void assign_product(at::Tensor& to, const at::Tensor& a, const at::Tensor& b, double alpha = 1);

namespace device {

void rms_norm_forward(const at::Tensor& x_ND, const at::Tensor& w_D, double eps, at::Tensor& y_ND,
                      at::Tensor& rstd_N);
void rms_norm_again(const at::Tensor& x_ND, const at::Tensor& w_D, const at::Tensor& rstd_N,
                    at::Tensor& y_ND);
void rms_norm_backward(const at::Tensor& dy_ND, const at::Tensor& x_ND, const at::Tensor& w_D,
                       const at::Tensor& rstd_N, at::Tensor& dx_ND, at::Tensor& dw_D);
void rotary_in_place(at::Tensor& heads_NE, std::int64_t heads, std::int64_t head_dim,
                     const at::Tensor& positions_N, const RotaryTable& table, bool inverse);
void swiglu_forward(const at::Tensor& gu_N2F, at::Tensor& act_NF);
void swiglu_backward(const at::Tensor& dact_NF, at::Tensor& gu_N2F, at::Tensor& act_NF);

/// On a GPU: flash attention with document boundaries in bf16, memory-efficient attention in fp32;
/// `lse` then holds what their backward passes ask for. On CPU the plain formula, segments of one
/// length at once.
void attention_forward(const at::Tensor& qkv_NE, const std::vector<SegmentRun>& runs,
                       const ModelShape& shape, at::Tensor& out_NE, std::vector<at::Tensor>& lse);
void attention_backward(const at::Tensor& dout_NE, const at::Tensor& qkv_NE,
                        const at::Tensor& out_NE, const std::vector<at::Tensor>& lse,
                        const std::vector<SegmentRun>& runs, const ModelShape& shape,
                        at::Tensor& dqkv_NE);

at::Tensor embedding_forward(const at::Tensor& weight_VD, std::span<const TokenId> tokens);
void embedding_backward(const at::Tensor& dx_ND, std::span<const TokenId> tokens,
                        at::Tensor& dweight_VD);
double head_loss(const at::Tensor& x_ND, const at::Tensor& norm_D, double norm_eps,
                 const at::Tensor& weight_VD, std::span<const TokenId> targets, double scale,
                 HeadGradients* gradients);

/// Dropout of an adapter's input; keys_N: one key a row (the same numbers as adapter.cpp's).
at::Tensor dropped(const at::Tensor& x_NI, double rate, const at::Tensor& keys_N);

}  // namespace device
}  // namespace anneal
