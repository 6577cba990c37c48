#include "trainer/model/head.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "trainer/model/kernels.h"
#include "trainer/model/floating.h"

namespace anneal {

namespace {
/// Logits of a chunk stay within a processor's cache share: about 4 million numbers.
constexpr std::int64_t kChunkNumbers = 1 << 22;
}  // namespace

at::Tensor embedding_forward(const at::Tensor& weight_VD, std::span<const TokenId> tokens) {
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

  const std::int64_t vocabulary = weight_VD.size(0);
  const std::int64_t chunk = std::min(count, std::max<std::int64_t>(16, kChunkNumbers / vocabulary));
  at::Tensor logits_buffer = at::empty({std::min(chunk, count), vocabulary}, x_MD.options());
  at::Tensor dnormed_MD = gradients ? at::empty_like(x_MD) : at::Tensor();
  double loss = 0;
  for (std::int64_t begin = 0; begin < count; begin += chunk) {
    const std::int64_t size = std::min(chunk, count - begin);
    const at::Tensor normed_CD = normed_MD.narrow(0, begin, size);
    at::Tensor logits_CV = logits_buffer.narrow(0, 0, size);
    at::mm_out(logits_CV, normed_CD, weight_VD.t());
    loss += cross_entropy_in_place(logits_CV, labels_M.narrow(0, begin, size),
                                   gradients ? scale : 0.0);
    if (!gradients) continue;
    at::Tensor dnormed_CD = dnormed_MD.narrow(0, begin, size);
    at::mm_out(dnormed_CD, logits_CV, weight_VD);
    if (train_weight) {
      gradients->dweight_VD.addmm_(logits_CV.t(), normed_CD, /*beta=*/begin == 0 ? 0 : 1);
    }
  }
  if (!gradients) return loss;
  at::Tensor dx_MD = all ? gradients->dx_ND : at::zeros_like(x_MD);
  rms_norm_backward(dnormed_MD, x_MD, norm_D, rstd_M, dx_MD, gradients->dnorm_D);
  if (!all) gradients->dx_ND.index_copy_(0, rows_M, dx_MD);
  return loss;
}

}  // namespace anneal
