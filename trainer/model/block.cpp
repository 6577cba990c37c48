#include "trainer/model/block.h"

#include <cmath>
#include <utility>

#include "trainer/model/device_ops.h"
#include "trainer/model/product.h"

namespace anneal {

namespace {

/// Columns of the fused products that belong to a target.
at::Tensor target_columns(const at::Tensor& fused, AdapterTarget target, const ModelShape& s) {
  const std::int64_t q = s.heads * s.head_dim, kv = s.kv_heads * s.head_dim, f = s.ffn_dim;
  switch (target) {
    case kQ: return fused.narrow(1, 0, q);
    case kK: return fused.narrow(1, q, kv);
    case kV: return fused.narrow(1, q + kv, kv);
    case kGate: return fused.narrow(1, 0, f);
    case kUp: return fused.narrow(1, f, f);
    default: return fused;
  }
}

std::uint64_t salt(std::int64_t layer, AdapterTarget target) {
  return static_cast<std::uint64_t>(layer * kNumAdapterTargets + target);
}

/// The adapters of one layer applied to products of a common input.
struct AdapterSet {
  const BlockAdapters* weights;
  BlockAdapters* gradients;
  std::int64_t layer;
  const BlockContext& context;
  BlockSaved& saved;

  void forward(std::initializer_list<AdapterTarget> targets, const at::Tensor& x, at::Tensor& out) {
    if (!weights) return;
    for (const auto target : targets) {
      if (!(*weights)[target].defined()) continue;
      adapter_forward(x, (*weights)[target], context.adapter_scale, context.dropout,
                      salt(layer, target), target_columns(out, target, context.shape),
                      saved.adapters[target]);
    }
  }
  void backward(std::initializer_list<AdapterTarget> targets, const at::Tensor& dout,
                const at::Tensor& x, at::Tensor& dx) {
    if (!weights) return;
    for (const auto target : targets) {
      if (!(*weights)[target].defined()) continue;
      adapter_backward(target_columns(dout, target, context.shape), x, (*weights)[target],
                       context.adapter_scale, context.dropout, salt(layer, target),
                       saved.adapters[target], dx, (*gradients)[target]);
    }
  }
};

/// x to the rotated q, k, v, the attention's output and x1; into `saved`. `normed_ND` is scratch.
void attention_half(const at::Tensor& x_ND, const BlockWeights& w, const BlockContext& context,
                    AdapterSet& lora, BlockSaved& saved, at::Tensor& normed_ND) {
  const ModelShape& s = context.shape;
  const std::int64_t n = x_ND.size(0);
  const auto options = x_ND.options();
  saved.x_ND = x_ND;
  saved.rstd1_N = at::empty({n}, statistics_options(x_ND));
  rms_norm_forward(x_ND, w.norm1_D, s.norm_eps, normed_ND, saved.rstd1_N);
  saved.qkv_NE = product(normed_ND, w.qkv_ED.t());
  lora.forward({kQ, kK, kV}, normed_ND, saved.qkv_NE);
  rotary_in_place(saved.qkv_NE, s.heads + s.kv_heads, s.head_dim, context.positions_N,
                  context.rotary, /*inverse=*/false);
  saved.attention_NO = at::empty({n, s.heads * s.head_dim}, options);
  attention_forward(saved.qkv_NE, context.runs, s, saved.attention_NO, saved.lse);
  saved.x1_ND = product_plus(x_ND, saved.attention_NO, w.o_DO.t());
  lora.forward({kO}, saved.attention_NO, saved.x1_ND);
}

/// x1 to the gate and up products; into `saved`.
void gate_up_half(const BlockWeights& w, const BlockContext& context, AdapterSet& lora,
                  BlockSaved& saved, at::Tensor& normed_ND) {
  saved.rstd2_N = at::empty({normed_ND.size(0)}, statistics_options(normed_ND));
  rms_norm_forward(saved.x1_ND, w.norm2_D, context.shape.norm_eps, normed_ND, saved.rstd2_N);
  saved.gate_up_NF = product(normed_ND, w.gate_up_FD.t());
  lora.forward({kGate, kUp}, normed_ND, saved.gate_up_NF);
}

/// dW = dy^T x, written into the gradient's own memory; a frozen matrix has none.
void weight_gradient(at::Tensor& dw, const at::Tensor& dy, const at::Tensor& x) {
  if (!dw.defined()) return;
  product_into(dw, dy.t(), x);
}

}  // namespace

at::Tensor block_forward(const at::Tensor& x_ND, const BlockWeights& w, const BlockAdapters* adapters,
                         std::int64_t layer, const BlockContext& context, BlockSaved& saved) {
  AdapterSet lora{adapters, nullptr, layer, context, saved};
  at::Tensor normed_ND = at::empty_like(x_ND);
  attention_half(x_ND, w, context, lora, saved, normed_ND);
  gate_up_half(w, context, lora, saved, normed_ND);
  at::Tensor act_NF = at::empty({x_ND.size(0), context.shape.ffn_dim}, x_ND.options());
  swiglu_forward(saved.gate_up_NF, act_NF);
  at::Tensor y_ND = product_plus(saved.x1_ND, act_NF, w.down_DF.t());
  lora.forward({kDown}, act_NF, y_ND);
  return y_ND;
}

void block_forget(BlockKeep keep, BlockSaved& saved) {
  if (keep == BlockKeep::kAll) return;
  if (keep == BlockKeep::kAttention) {
    saved.gate_up_NF.reset();
    return;
  }
  const at::Tensor x_ND = saved.x_ND;
  saved = {};
  saved.x_ND = x_ND;
}

void block_again(const BlockWeights& w, const BlockAdapters* adapters, std::int64_t layer,
                 const BlockContext& context, BlockSaved& saved) {
  if (saved.gate_up_NF.defined()) return;
  AdapterSet lora{adapters, nullptr, layer, context, saved};
  at::Tensor normed_ND = at::empty_like(saved.x_ND);
  if (!saved.qkv_NE.defined()) attention_half(at::Tensor(saved.x_ND), w, context, lora, saved, normed_ND);
  gate_up_half(w, context, lora, saved, normed_ND);
  // The block's output, and with it the down product, is not needed again; its adapter's inner product is.
  if (adapters && (*adapters)[kDown].defined() && !saved.adapters[kDown].low_NR.defined()) {
    at::Tensor act_NF = at::empty({normed_ND.size(0), context.shape.ffn_dim}, normed_ND.options());
    swiglu_forward(saved.gate_up_NF, act_NF);
    adapter_inner(act_NF, (*adapters)[kDown], context.dropout, salt(layer, kDown), saved.adapters[kDown]);
  }
}

at::Tensor block_backward(const at::Tensor& dy_ND, const BlockWeights& w,
                          const BlockAdapters* adapters, std::int64_t layer,
                          const BlockContext& context, BlockSaved& saved, BlockWeights* gradients,
                          BlockAdapters* adapter_gradients, bool input_gradient) {
  TORCH_CHECK(input_gradient || !gradients, "trained weights need the derivative of the block's input");
  const ModelShape& s = context.shape;
  const std::int64_t n = dy_ND.size(0);
  const auto options = dy_ND.options();
  AdapterSet lora{adapters, adapter_gradients, layer, context, saved};
  at::Tensor normed_ND = at::empty_like(dy_ND);

  // Feed-forward. gate_up becomes its own derivative.
  at::Tensor dact_NF = product(dy_ND, w.down_DF);
  at::Tensor act_NF = at::empty({n, s.ffn_dim}, options);
  if (adapters && (*adapters)[kDown].defined()) {
    swiglu_forward(saved.gate_up_NF, act_NF);
    lora.backward({kDown}, dy_ND, act_NF, dact_NF);
  }
  swiglu_backward(dact_NF, saved.gate_up_NF, act_NF);
  at::Tensor& dgate_up_NF = saved.gate_up_NF;
  if (gradients) weight_gradient(gradients->down_DF, dy_ND, act_NF);
  rms_norm_again(saved.x1_ND, w.norm2_D, saved.rstd2_N, normed_ND);
  if (gradients) weight_gradient(gradients->gate_up_FD, dgate_up_NF, normed_ND);
  at::Tensor dnormed_ND = product(dgate_up_NF, w.gate_up_FD);
  lora.backward({kGate, kUp}, dgate_up_NF, normed_ND, dnormed_ND);
  at::Tensor dx1_ND = dy_ND.clone();  // the residual path
  rms_norm_backward(dnormed_ND, saved.x1_ND, w.norm2_D, saved.rstd2_N, dx1_ND,
                    gradients ? gradients->norm2_D : at::Tensor());

  // Attention.
  at::Tensor dattention_NO = product(dx1_ND, w.o_DO);
  if (gradients) weight_gradient(gradients->o_DO, dx1_ND, saved.attention_NO);
  lora.backward({kO}, dx1_ND, saved.attention_NO, dattention_NO);
  at::Tensor dqkv_NE = at::empty_like(saved.qkv_NE);
  attention_backward(dattention_NO, saved.qkv_NE, saved.attention_NO, saved.lse, context.runs, s,
                     dqkv_NE);
  rotary_in_place(dqkv_NE, s.heads + s.kv_heads, s.head_dim, context.positions_N, context.rotary,
                  /*inverse=*/true);
  rms_norm_again(saved.x_ND, w.norm1_D, saved.rstd1_N, normed_ND);
  if (gradients) weight_gradient(gradients->qkv_ED, dqkv_NE, normed_ND);
  if (input_gradient) product_into(dnormed_ND, dqkv_NE, w.qkv_ED);
  lora.backward({kQ, kK, kV}, dqkv_NE, normed_ND, dnormed_ND);
  if (input_gradient) {
    rms_norm_backward(dnormed_ND, saved.x_ND, w.norm1_D, saved.rstd1_N, dx1_ND,
                      gradients ? gradients->norm1_D : at::Tensor());
  }
  saved = {};
  return input_gradient ? dx1_ND : at::Tensor();
}

RotaryTable rotary_table(const ModelShape& shape, std::int64_t positions, at::ScalarType type) {
  const std::vector<float> inverse = rotary_inverse_frequencies(shape);
  const auto half = static_cast<std::int64_t>(inverse.size());
  at::Tensor cos = at::empty({positions, half}, at::kDouble), sin = at::empty_like(cos);
  auto* c = cos.data_ptr<double>();
  auto* s = sin.data_ptr<double>();
  for (std::int64_t p = 0; p < positions; ++p) {
    for (std::int64_t i = 0; i < half; ++i) {
      // The angle is rounded to fp32 as Hugging Face's is, or long contexts would drift apart.
      const float angle = static_cast<float>(p) * inverse[i];
      c[p * half + i] = std::cos(static_cast<double>(angle));
      s[p * half + i] = std::sin(static_cast<double>(angle));
    }
  }
  return {cos.to(type), sin.to(type)};
}

}  // namespace anneal
