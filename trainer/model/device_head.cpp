// Embedding, and head with cross-entropy in chunks of tokens, through ATen (device_ops.h).
#include <algorithm>
#include <vector>

#include "base/error.h"
#include "trainer/model/device_ops.h"

namespace anneal::device {

namespace {

std::vector<std::int64_t> checked_tokens(std::span<const TokenId> tokens, std::int64_t vocabulary) {
  for (const auto token : tokens) {
    if (token < 0 || token >= vocabulary) {
      throw DataError(
          fmt::format("token {} is outside the model's vocabulary of {}", token, vocabulary),
          "use the tokenizer that the model was trained with");
    }
  }
  return {tokens.begin(), tokens.end()};
}

}  // namespace

at::Tensor embedding_forward(const at::Tensor& weight_VD, std::span<const TokenId> tokens) {
  return weight_VD.index_select(
      0, on_device(checked_tokens(tokens, weight_VD.size(0)), weight_VD.device()));
}

void embedding_backward(const at::Tensor& dx_ND, std::span<const TokenId> tokens,
                        at::Tensor& dweight_VD) {
  const std::vector<std::int64_t> rows(tokens.begin(), tokens.end());
  const at::Tensor rows_N = on_device(rows, dx_ND.device()),
                   dx = dx_ND.to(dweight_VD.scalar_type());
  // Both ways add the rows of a token in one order, without atomics: sorted on a GPU, one by one on
  // CPU.
  if (dx.is_cpu()) {
    dweight_VD.index_add_(0, rows_N, dx);
  } else {
    dweight_VD.index_put_({rows_N}, dx, /*accumulate=*/true);
  }
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
  if (train_weight) gradients->dweight_VD.zero_();
  if (count == 0) {
    if (gradients && gradients->dnorm_D.defined()) gradients->dnorm_D.zero_();
    return 0.0;
  }
  const at::Tensor rows_M = on_device(rows, x_ND.device()),
                   labels_M = on_device(labels, x_ND.device());
  const at::Tensor x_MD = x_ND.index_select(0, rows_M);
  at::Tensor normed_MD = at::empty_like(x_MD),
             rstd_M = at::empty({count}, statistics_options(x_ND));
  rms_norm_forward(x_MD, norm_D, norm_eps, normed_MD, rstd_M);

  const at::ScalarType wide = statistics_options(x_ND).dtype().toScalarType();
  const std::int64_t chunk = head_chunk_tokens(count, weight_VD.size(0));
  at::Tensor dnormed_MD = gradients ? at::empty_like(x_MD) : at::Tensor();
  at::Tensor loss = at::zeros({}, x_ND.options().dtype(at::kDouble));
  for (std::int64_t begin = 0; begin < count; begin += chunk) {
    const std::int64_t size = std::min(chunk, count - begin);
    const at::Tensor normed_CD = normed_MD.narrow(0, begin, size);
    const at::Tensor labels_C1 = labels_M.narrow(0, begin, size).unsqueeze(1);
    at::Tensor logits_CV = at::mm(normed_CD, weight_VD.t()).to(wide);
    const at::Tensor sums_C1 = logits_CV.logsumexp(1, /*keepdim=*/true);
    loss.add_((sums_C1 - logits_CV.gather(1, labels_C1)).to(at::kDouble).sum());
    if (!gradients) continue;
    logits_CV.sub_(sums_C1).exp_();
    const at::Tensor rows_C = at::arange(size, labels_C1.options()),
                     labels_C = labels_C1.squeeze(1);
    logits_CV.index_put_({rows_C, labels_C}, logits_CV.gather(1, labels_C1).squeeze(1) - 1);
    const at::Tensor dlogits_CV = logits_CV.mul_(scale).to(x_ND.scalar_type());
    dnormed_MD.narrow(0, begin, size).copy_(at::mm(dlogits_CV, weight_VD));
    if (train_weight) gradients->dweight_VD.add_(at::mm(dlogits_CV.t(), normed_CD));
  }
  if (gradients) {
    at::Tensor dx_MD = at::zeros_like(x_MD);
    rms_norm_backward(dnormed_MD, x_MD, norm_D, rstd_M, dx_MD, gradients->dnorm_D);
    gradients->dx_ND.index_copy_(0, rows_M, dx_MD);
  }
  return loss.item<double>();
}

}  // namespace anneal::device
