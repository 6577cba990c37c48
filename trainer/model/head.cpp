#include "trainer/model/head.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/error.h"
#include "trainer/model/device_ops.h"
#include "trainer/model/kernels.h"
#include "trainer/model/floating.h"
#include "trainer/model/product.h"

namespace anneal {

namespace {
/// Logits that exist at once (64 MiB in fp32). A chunk of many tokens makes good use of the head's
/// weights, which are read twice and whose gradient is added to once a chunk.
constexpr std::int64_t kChunkNumbers = 1 << 24;
constexpr std::int64_t kMostTokens = 512;
/// Columns of the vocabulary done at once: the tile is still in cache when the next pass reads it.
constexpr std::int64_t kTileColumns = 512;

/// The loss of rows whose softmax statistics are known.
double summed_loss(const at::Tensor& top_C, const at::Tensor& sum_C, const at::Tensor& target_logit_C) {
  double loss = 0;
  for_floating(top_C.scalar_type(), [&](auto zero) {
    using scalar_t = decltype(zero);
    const auto* top = top_C.const_data_ptr<scalar_t>();
    const auto* sum = sum_C.const_data_ptr<scalar_t>();
    const auto* logit = target_logit_C.const_data_ptr<scalar_t>();
    for (std::int64_t i = 0; i < top_C.size(0); ++i) {
      loss += std::log(static_cast<double>(sum[i])) + static_cast<double>(top[i]) -
              static_cast<double>(logit[i]);
    }
  });
  return loss;
}

/// Picks each row's logit of its target, where the tile holds it.
void pick_targets(const at::Tensor& logits_CT, std::int64_t first, std::span<const std::int64_t> targets,
                  at::Tensor& picked_C) {
  const std::int64_t width = logits_CT.size(1);
  for_floating(logits_CT.scalar_type(), [&](auto zero) {
    using scalar_t = decltype(zero);
    const auto* logits = logits_CT.const_data_ptr<scalar_t>();
    auto* picked = picked_C.data_ptr<scalar_t>();
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const std::int64_t column = targets[i] - first;
      if (column >= 0 && column < width) {
        picked[i] = logits[static_cast<std::int64_t>(i) * width + column];
      }
    }
  });
}
}  // namespace

std::int64_t head_chunk_tokens(std::int64_t count, std::int64_t vocabulary) {
  const std::int64_t most = std::clamp<std::int64_t>(kChunkNumbers / vocabulary, 16, kMostTokens);
  const std::int64_t chunks = (count + most - 1) / most;
  const std::int64_t even = (count + chunks - 1) / chunks;
  return std::min(most, (even + 15) / 16 * 16);
}

at::Tensor embedding_forward(const at::Tensor& weight_VD, std::span<const TokenId> tokens) {
  if (!runs_in_kernels(weight_VD)) return device::embedding_forward(weight_VD, tokens);
  const std::int64_t n = static_cast<std::int64_t>(tokens.size()), d = weight_VD.size(1);
  at::Tensor x_ND = at::empty({n, d}, weight_VD.options());
  const std::size_t row_bytes = d * weight_VD.element_size();
  const auto* from = static_cast<const char*>(weight_VD.const_data_ptr());
  auto* to = static_cast<char*>(x_ND.data_ptr());
  for (std::int64_t i = 0; i < n; ++i) {
    if (tokens[i] < 0 || tokens[i] >= weight_VD.size(0)) {
      throw DataError(fmt::format("token {} is outside the model's vocabulary of {}", tokens[i],
                                  weight_VD.size(0)),
                      "use the tokenizer that the model was trained with");
    }
    std::memcpy(to + i * row_bytes, from + tokens[i] * row_bytes, row_bytes);
  }
  return x_ND;
}

void embedding_backward(const at::Tensor& dx_ND, std::span<const TokenId> tokens,
                        at::Tensor& dweight_VD) {
  if (!runs_in_kernels(dx_ND)) return device::embedding_backward(dx_ND, tokens, dweight_VD);
  const std::int64_t d = dx_ND.size(1);
  for_floating(dx_ND.scalar_type(), [&](auto zero) {
    using scalar_t = decltype(zero);
    const auto* dx = dx_ND.const_data_ptr<scalar_t>();
    auto* dw = dweight_VD.data_ptr<scalar_t>();
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      auto* row = dw + tokens[i] * d;
      const auto* grad = dx + i * d;
#pragma omp simd
      for (std::int64_t j = 0; j < d; ++j) row[j] += grad[j];
    }
  });
}

double head_loss(const at::Tensor& x_ND, const at::Tensor& norm_D, double norm_eps,
                 const at::Tensor& weight_VD, std::span<const TokenId> targets, double scale,
                 HeadGradients* gradients) {
  if (!runs_in_kernels(x_ND)) return device::head_loss(x_ND, norm_D, norm_eps, weight_VD, targets, scale, gradients);
  std::vector<std::int64_t> rows, labels;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (targets[i] == kNoTarget) continue;
    rows.push_back(static_cast<std::int64_t>(i));
    labels.push_back(targets[i]);
  }
  const auto count = static_cast<std::int64_t>(rows.size());
  const bool train_weight = gradients && gradients->dweight_VD.defined();
  if (gradients) gradients->dx_ND = at::zeros_like(x_ND);
  if (count == 0) {
    if (train_weight) gradients->dweight_VD.zero_();
    if (gradients && gradients->dnorm_D.defined()) gradients->dnorm_D.zero_();
    return 0.0;
  }
  // Only positions with a target are taken through the vocabulary product.
  const bool all = count == x_ND.size(0);
  const at::Tensor rows_M = at::tensor(at::ArrayRef<std::int64_t>(rows), at::kLong);
  const at::Tensor labels_M = at::tensor(at::ArrayRef<std::int64_t>(labels), at::kLong);
  const at::Tensor x_MD = all ? x_ND : x_ND.index_select(0, rows_M);
  at::Tensor normed_MD = at::empty_like(x_MD), rstd_M = at::empty({count}, x_MD.options());
  rms_norm_forward(x_MD, norm_D, norm_eps, normed_MD, rstd_M);

  const std::int64_t vocabulary = weight_VD.size(0), chunk = head_chunk_tokens(count, vocabulary);
  at::Tensor buffer = at::empty({std::min(chunk, count) * vocabulary}, x_MD.options());
  at::Tensor dnormed_MD = gradients ? at::empty_like(x_MD) : at::Tensor();
  double loss = 0;
  for (std::int64_t begin = 0; begin < count; begin += chunk) {
    const std::int64_t size = std::min(chunk, count - begin);
    const at::Tensor normed_CD = normed_MD.narrow(0, begin, size);
    const at::Tensor labels_C = labels_M.narrow(0, begin, size);
    const auto targets_C = std::span(labels).subspan(begin, size);
    at::Tensor top_C = at::full({size}, -std::numeric_limits<double>::infinity(), x_MD.options());
    at::Tensor sum_C = at::zeros({size}, x_MD.options()), target_logit_C = at::empty_like(sum_C);
    // A tile's logits lie together in the buffer: [tiles][size][columns].
    const auto tile = [&](std::int64_t first, std::int64_t columns) {
      return buffer.narrow(0, first * size, size * columns).view({size, columns});
    };
    for (std::int64_t first = 0; first < vocabulary; first += kTileColumns) {
      const std::int64_t columns = std::min(kTileColumns, vocabulary - first);
      at::Tensor logits_CT = tile(first, columns);
      product_into(logits_CT, normed_CD, weight_VD.narrow(0, first, columns).t());
      softmax_statistics(logits_CT, top_C, sum_C);
      pick_targets(logits_CT, first, targets_C, target_logit_C);
    }
    loss += summed_loss(top_C, sum_C, target_logit_C);
    if (!gradients) continue;
    at::Tensor dnormed_CD = dnormed_MD.narrow(0, begin, size);
    for (std::int64_t first = 0; first < vocabulary; first += kTileColumns) {
      const std::int64_t columns = std::min(kTileColumns, vocabulary - first);
      at::Tensor dlogits_CT = tile(first, columns);
      softmax_gradient(dlogits_CT, first, labels_C, top_C, sum_C, scale);
      product_into(dnormed_CD, dlogits_CT, weight_VD.narrow(0, first, columns), /*beta=*/first == 0 ? 0 : 1);
      if (train_weight) {
        product_into(gradients->dweight_VD.narrow(0, first, columns), dlogits_CT.t(), normed_CD,
                     /*beta=*/begin == 0 ? 0 : 1);
      }
    }
  }
  if (!gradients) return loss;
  at::Tensor dx_MD = all ? gradients->dx_ND : at::zeros_like(x_MD);
  rms_norm_backward(dnormed_MD, x_MD, norm_D, rstd_M, dx_MD, gradients->dnorm_D);
  if (!all) gradients->dx_ND.index_copy_(0, rows_M, dx_MD);
  return loss;
}

}  // namespace anneal
