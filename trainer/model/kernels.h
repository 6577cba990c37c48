// The element-wise parts of a LLaMA block with their hand-written derivatives, each one pass over
// memory. fp32 for training, fp64 for gradient checks; CPU.
//   N = tokens of a micro-batch (rows x length), D = width, F = feed-forward width, H = heads,
//   V = vocabulary
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace anneal {

/// RMSNorm (Zhang & Sennrich 2019, eq. 4): y = x / sqrt(mean(x^2) + eps) * w.
/// x_ND, w_D -> y_ND (written), rstd_N (written: 1 / sqrt(mean(x^2) + eps)).
void rms_norm_forward(const at::Tensor& x_ND, const at::Tensor& w_D, double eps, at::Tensor& y_ND,
                      at::Tensor& rstd_N);

/// y again from x and rstd (cheaper than keeping it).
void rms_norm_again(const at::Tensor& x_ND, const at::Tensor& w_D, const at::Tensor& rstd_N,
                    at::Tensor& y_ND);

/// dx_ND += derivative; dw_D = derivative, skipped if undefined.
void rms_norm_backward(const at::Tensor& dy_ND, const at::Tensor& x_ND, const at::Tensor& w_D,
                       const at::Tensor& rstd_N, at::Tensor& dx_ND, at::Tensor dw_D);

/// Cosine and sine of position x inverse frequency: [positions, head_dim / 2] each.
struct RotaryTable {
  at::Tensor cos, sin;
};

/// Rotates the first `heads` heads of every row in place, Hugging Face's half-split convention
/// (Su et al. 2021, eq. 34): heads_NE's rows may be longer than heads * head_dim.
/// `inverse` rotates back, which is the derivative.
void rotary_in_place(at::Tensor heads_NE, std::int64_t heads, std::int64_t head_dim,
                     const at::Tensor& positions_N, const RotaryTable& table, bool inverse);

/// SwiGLU (Shazeer 2020): act = silu(gate) * up; gate and up lie side by side in gu_N2F.
void swiglu_forward(const at::Tensor& gu_N2F, at::Tensor& act_NF);

/// From d act: overwrites gu_N2F with its derivative and writes act again (needed for the
/// derivative of the down projection).
void swiglu_backward(const at::Tensor& dact_NF, at::Tensor& gu_N2F, at::Tensor& act_NF);

/// Softmax over a vocabulary that comes in tiles of T logits. Takes a tile into the rows' running
/// largest logit and sum of e^(logit - largest); they start at -infinity and 0.
void softmax_statistics(const at::Tensor& logits_CT, at::Tensor& top_C, at::Tensor& sum_C);

/// The tile whose first column is vocabulary entry `first` becomes `scale` times the derivative of the
/// summed cross-entropy against targets_C (all >= 0), given the statistics over all tiles.
void softmax_gradient(at::Tensor logits_CT, std::int64_t first, const at::Tensor& targets_C,
                      const at::Tensor& top_C, const at::Tensor& sum_C, double scale);

}  // namespace anneal
