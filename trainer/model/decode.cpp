#include "trainer/model/decode.h"

#include <ATen/core/grad_mode.h>

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "trainer/model/head.h"

namespace anneal {

namespace {

/// Attention of one new token a slot over the slot's cache. q_BE: heads side by side (q of the qkv
/// row). Plain loops: the work is a read of the cache.
void cached_attention(const at::Tensor& qkv_BE, const at::Tensor& keys, const at::Tensor& values,
                      std::span<const std::int64_t> slots, std::span<const std::int64_t> lengths,
                      const ModelShape& s, at::Tensor& out_BO) {
  const std::int64_t e = s.head_dim, groups = s.heads / s.kv_heads, capacity = keys.size(2);
  const auto* q_all = qkv_BE.const_data_ptr<float>();
  const auto* k_all = keys.const_data_ptr<float>();
  const auto* v_all = values.const_data_ptr<float>();
  auto* out_all = out_BO.data_ptr<float>();
  const std::int64_t row = qkv_BE.size(1);
  const float scale = 1.0f / std::sqrt(static_cast<float>(e));
  const auto jobs = static_cast<std::int64_t>(slots.size()) * s.heads;
  at::parallel_for(0, jobs, 8, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> score(capacity);
    for (std::int64_t job = begin; job < end; ++job) {
      const std::int64_t b = job / s.heads, h = job % s.heads;
      const std::int64_t n = lengths[b];
      const float* q = q_all + b * row + h * e;
      const std::int64_t base = (slots[b] * s.kv_heads + h / groups) * capacity * e;
      float top = -INFINITY;
      for (std::int64_t t = 0; t < n; ++t) {
        const float* k = k_all + base + t * e;
        float dot = 0;
#pragma omp simd reduction(+ : dot)
        for (std::int64_t j = 0; j < e; ++j) dot += q[j] * k[j];
        score[t] = dot * scale;
        top = std::max(top, score[t]);
      }
      float sum = 0;
      for (std::int64_t t = 0; t < n; ++t) {
        score[t] = std::exp(score[t] - top);
        sum += score[t];
      }
      float* out = out_all + b * s.heads * e + h * e;
      std::fill(out, out + e, 0.0f);
      for (std::int64_t t = 0; t < n; ++t) {
        const float weight = score[t] / sum;
        const float* v = v_all + base + t * e;
#pragma omp simd
        for (std::int64_t j = 0; j < e; ++j) out[j] += weight * v[j];
      }
    }
  });
}

/// The same as block_forward's second half, without keeping anything.
at::Tensor feed_forward(const at::Tensor& x1_ND, const BlockWeights& w, const ModelShape& s) {
  at::Tensor normed_ND = at::empty_like(x1_ND), rstd_N = at::empty({x1_ND.size(0)}, x1_ND.options());
  rms_norm_forward(x1_ND, w.norm2_D, s.norm_eps, normed_ND, rstd_N);
  const at::Tensor gate_up = at::mm(normed_ND, w.gate_up_FD.t());
  at::Tensor act = at::empty({x1_ND.size(0), s.ffn_dim}, x1_ND.options());
  swiglu_forward(gate_up, act);
  return at::addmm(x1_ND, act, w.down_DF.t());
}

}  // namespace

Decoder::Decoder(const ModelShape& shape, const std::function<at::Tensor(const std::string&)>& weight)
    : shape_(shape) {
  at::NoGradGuard no_grad;
  const auto get = [&](const std::string& name) { return weight(name).to(at::kFloat).contiguous(); };
  embedding_VD_ = get("model.embed_tokens.weight");
  for (std::int64_t i = 0; i < shape.layers; ++i) {
    const auto part = [&](const char* name) { return get(layer_name(i, name)); };
    blocks_.push_back(
        {.norm1_D = part("input_layernorm.weight"),
         .qkv_ED = at::cat({part("self_attn.q_proj.weight"), part("self_attn.k_proj.weight"),
                            part("self_attn.v_proj.weight")}),
         .o_DO = part("self_attn.o_proj.weight"),
         .norm2_D = part("post_attention_layernorm.weight"),
         .gate_up_FD = at::cat({part("mlp.gate_proj.weight"), part("mlp.up_proj.weight")}),
         .down_DF = part("mlp.down_proj.weight")});
  }
  norm_D_ = get("model.norm.weight");
  head_VD_ = shape.tied_head ? embedding_VD_ : get("lm_head.weight");
}

void Decoder::allocate(std::int64_t slots, std::int64_t length) {
  max_length_ = length;
  lengths_.assign(slots, 0);
  keys_.clear();
  values_.clear();
  for (std::int64_t i = 0; i < shape_.layers; ++i) {
    keys_.push_back(at::empty({slots, shape_.kv_heads, length, shape_.head_dim}, at::kFloat));
    values_.push_back(at::empty_like(keys_.back()));
  }
  rotary_ = rotary_table(shape_, length, at::kFloat);
}

at::Tensor Decoder::hidden(std::span<const TokenId> tokens, std::int64_t slot) {
  const auto n = static_cast<std::int64_t>(tokens.size());
  BlockContext context{.shape = shape_, .rotary = rotary_};
  if (!rotary_.cos.defined() || rotary_.cos.size(0) < n) {
    context.rotary = rotary_table(shape_, n, at::kFloat);
  }
  context.positions_N = at::arange(n, at::kInt);
  context.runs = {{.begin = 0, .length = n, .count = 1}};
  at::Tensor x_ND = embedding_forward(embedding_VD_, tokens);
  const std::int64_t q = shape_.heads * shape_.head_dim, kv = shape_.kv_heads * shape_.head_dim;
  for (std::int64_t i = 0; i < shape_.layers; ++i) {
    BlockSaved saved;
    x_ND = block_forward(x_ND, blocks_[i], nullptr, i, context, saved);
    if (slot < 0) continue;
    const auto heads = [&](std::int64_t column) {
      return saved.qkv_NE.narrow(1, column, kv).view({n, shape_.kv_heads, shape_.head_dim}).transpose(0, 1);
    };
    keys_[i][slot].narrow(1, 0, n).copy_(heads(q));
    values_[i][slot].narrow(1, 0, n).copy_(heads(q + kv));
  }
  return x_ND;
}

at::Tensor Decoder::head(const at::Tensor& x_ND) const {
  at::Tensor normed_ND = at::empty_like(x_ND), rstd_N = at::empty({x_ND.size(0)}, x_ND.options());
  rms_norm_forward(x_ND, norm_D_, shape_.norm_eps, normed_ND, rstd_N);
  return at::mm(normed_ND, head_VD_.t());
}

at::Tensor Decoder::prefill(std::int64_t slot, std::span<const TokenId> tokens) {
  at::NoGradGuard no_grad;
  const auto n = static_cast<std::int64_t>(tokens.size());
  if (n == 0 || (!lengths_.empty() && n > max_length_)) {
    throw UsageError(fmt::format("a prompt of {} tokens does not fit into {} positions", n, max_length_),
                     "shorten the prompt, or give more room");
  }
  const at::Tensor x_ND = hidden(tokens, slot);
  if (slot >= 0) lengths_[slot] = n;
  return head(x_ND.narrow(0, n - 1, 1))[0];
}

void Decoder::copy_slot(std::int64_t from, std::int64_t to) {
  at::NoGradGuard no_grad;
  if (from == to) return;
  for (std::int64_t i = 0; i < shape_.layers; ++i) {
    for (auto* cache : {&keys_[i], &values_[i]}) {
      (*cache)[to].narrow(1, 0, lengths_[from]).copy_((*cache)[from].narrow(1, 0, lengths_[from]));
    }
  }
  lengths_[to] = lengths_[from];
}

at::Tensor Decoder::step(std::span<const std::int64_t> slots, std::span<const TokenId> tokens) {
  at::NoGradGuard no_grad;
  const auto b = static_cast<std::int64_t>(slots.size());
  const std::int64_t q = shape_.heads * shape_.head_dim, kv = shape_.kv_heads * shape_.head_dim;
  at::Tensor positions_B = at::empty({b}, at::kInt);
  std::vector<std::int64_t> lengths(b);
  for (std::int64_t i = 0; i < b; ++i) {
    const std::int64_t at_position = lengths_[slots[i]]++;
    TORCH_CHECK(at_position < max_length_, "slot ", slots[i], " is full: ", max_length_, " tokens");
    positions_B.data_ptr<std::int32_t>()[i] = static_cast<std::int32_t>(at_position);
    lengths[i] = at_position + 1;
  }
  at::Tensor x_BD = embedding_forward(embedding_VD_, tokens);
  at::Tensor normed_BD = at::empty_like(x_BD), rstd_B = at::empty({b}, x_BD.options());
  at::Tensor out_BO = at::empty({b, q}, x_BD.options());
  for (std::int64_t layer = 0; layer < shape_.layers; ++layer) {
    const BlockWeights& w = blocks_[layer];
    rms_norm_forward(x_BD, w.norm1_D, shape_.norm_eps, normed_BD, rstd_B);
    at::Tensor qkv_BE = at::mm(normed_BD, w.qkv_ED.t());
    rotary_in_place(qkv_BE, shape_.heads + shape_.kv_heads, shape_.head_dim, positions_B, rotary_,
                    /*inverse=*/false);
    // The new keys and values go to the end of every slot's cache.
    auto* k_cache = keys_[layer].data_ptr<float>();
    auto* v_cache = values_[layer].data_ptr<float>();
    const auto* qkv = qkv_BE.const_data_ptr<float>();
    for (std::int64_t i = 0; i < b; ++i) {
      for (std::int64_t h = 0; h < shape_.kv_heads; ++h) {
        const std::int64_t to =
            ((slots[i] * shape_.kv_heads + h) * max_length_ + lengths[i] - 1) * shape_.head_dim;
        const float* from = qkv + i * (q + 2 * kv) + q + h * shape_.head_dim;
        std::copy(from, from + shape_.head_dim, k_cache + to);
        std::copy(from + kv, from + kv + shape_.head_dim, v_cache + to);
      }
    }
    cached_attention(qkv_BE, keys_[layer], values_[layer], slots, lengths, shape_, out_BO);
    x_BD = feed_forward(at::addmm(x_BD, out_BO, w.o_DO.t()), w, shape_);
  }
  return head(x_BD);
}

double Decoder::mean_nll(std::span<const TokenId> tokens) {
  at::NoGradGuard no_grad;
  if (tokens.size() < 2) {
    throw UsageError("the negative log-likelihood needs at least two ids", "give more ids");
  }
  const at::Tensor x_ND = hidden(tokens, /*slot=*/-1);
  std::vector<TokenId> targets(tokens.begin() + 1, tokens.end());
  targets.push_back(kNoTarget);
  return head_loss(x_ND, norm_D_, shape_.norm_eps, head_VD_, targets, /*scale=*/0, nullptr) /
         static_cast<double>(tokens.size() - 1);
}

}  // namespace anneal
