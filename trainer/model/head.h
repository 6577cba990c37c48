// Embedding, and the head: final norm, vocabulary product and cross-entropy fused in chunks of
// tokens, so that the full logits never exist (Wijmans et al. 2024, "Cut your losses"). Within a chunk the
// vocabulary is taken in tiles, with a running softmax (Milakov & Gimelshein 2018).
//   N = tokens, D = dim, V = vocabulary, C = tokens of a chunk
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <span>

#include "data/token_batch.h"

namespace anneal {

/// Rows of the embedding for the tokens of a batch.
at::Tensor embedding_forward(const at::Tensor& weight_VD, std::span<const TokenId> tokens);

/// dweight_VD += rows of dx_ND, in token order (no atomics: the sum is the same every time).
void embedding_backward(const at::Tensor& dx_ND, std::span<const TokenId> tokens,
                        at::Tensor& dweight_VD);

/// Tokens whose logits exist at once: `count` in equal parts that keep to a bound of memory.
std::int64_t head_chunk_tokens(std::int64_t count, std::int64_t vocabulary);

struct HeadGradients {
  at::Tensor dx_ND;      ///< written
  at::Tensor dnorm_D;    ///< written; undefined: frozen
  at::Tensor dweight_VD;  ///< written; undefined: frozen
};

/// Summed cross-entropy over the positions that have a target, and, unless `gradients` is null, the
/// derivative of `scale` times that sum.
double head_loss(const at::Tensor& x_ND, const at::Tensor& norm_D, double norm_eps,
                 const at::Tensor& weight_VD, std::span<const TokenId> targets, double scale,
                 HeadGradients* gradients);

}  // namespace anneal
