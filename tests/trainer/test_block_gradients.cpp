// The hand-written backward passes against automatic differentiation of a plain composition, fp64.
#include <ATen/ATen.h>

#include <cmath>

#include "tests/catch.h"
#include "trainer/model/block.h"
#include "trainer/model/head.h"

using namespace anneal;

namespace {

ModelShape small_shape() {
  ModelShape s;
  s.dim = 24;
  s.layers = 1;
  s.heads = 4;
  s.kv_heads = 2;
  s.head_dim = 6;
  s.ffn_dim = 40;
  s.vocab_size = 50;
  s.max_positions = 64;
  return s;
}

at::Tensor random(at::IntArrayRef sizes, double scale = 0.3) {
  return at::randn(sizes, at::kDouble).mul_(scale);
}

at::Tensor plain_norm(const at::Tensor& x, const at::Tensor& w, double eps) {
  return x * (x.pow(2).mean(-1, true) + eps).rsqrt() * w;
}

/// Rotation written as in the paper of Hugging Face's convention: x cos + rotate_half(x) sin.
at::Tensor plain_rotary(const at::Tensor& x_LHE, const at::Tensor& positions, const RotaryTable& t) {
  const auto cos = at::cat({t.cos, t.cos}, 1).index_select(0, positions).unsqueeze(1);
  const auto sin = at::cat({t.sin, t.sin}, 1).index_select(0, positions).unsqueeze(1);
  const auto halves = x_LHE.chunk(2, -1);
  return x_LHE * cos + at::cat({-halves[1], halves[0]}, -1) * sin;
}

/// The block, token by token masks and all, for any documents.
at::Tensor plain_block(const at::Tensor& x, const BlockWeights& w, const BlockAdapters* lora,
                       const BlockContext& c, const std::vector<std::int32_t>& segment) {
  const auto& s = c.shape;
  const auto n = x.size(0);
  const auto adapt = [&](at::Tensor out, const at::Tensor& in, int target) {
    if (!lora || !(*lora)[target].defined()) return out;
    return out + c.adapter_scale * in.mm((*lora)[target].a_RI.t()).mm((*lora)[target].b_OR.t());
  };
  const auto h = plain_norm(x, w.norm1_D, s.norm_eps);
  const auto qw = s.heads * s.head_dim, kw = s.kv_heads * s.head_dim;
  const auto weights = w.qkv_ED.split_with_sizes({qw, kw, kw}, 0);
  const auto q0 = adapt(h.mm(weights[0].t()), h, kQ), k0 = adapt(h.mm(weights[1].t()), h, kK);
  const auto v = adapt(h.mm(weights[2].t()), h, kV).view({n, s.kv_heads, s.head_dim});
  const auto positions = c.positions_N.to(at::kLong);
  const auto q = plain_rotary(q0.view({n, s.heads, s.head_dim}), positions, c.rotary);
  const auto k = plain_rotary(k0.view({n, s.kv_heads, s.head_dim}), positions, c.rotary);
  const auto groups = s.heads / s.kv_heads;
  const auto kk = k.repeat_interleave(groups, 1), vv = v.repeat_interleave(groups, 1);
  auto scores = at::einsum("ihe,jhe->hij", {q, kk}) / std::sqrt(double(s.head_dim));
  auto mask = at::zeros({n, n}, at::kBool);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) mask[i][j] = segment[i] == segment[j];
  }
  scores = scores.masked_fill(mask.logical_not().unsqueeze(0), -1e30);
  const auto a = at::einsum("hij,jhe->ihe", {scores.softmax(-1), vv}).reshape({n, qw});
  const auto x1 = x + adapt(a.mm(w.o_DO.t()), a, kO);
  const auto h2 = plain_norm(x1, w.norm2_D, s.norm_eps);
  const auto gate_up = w.gate_up_FD.chunk(2, 0);
  const auto gate = adapt(h2.mm(gate_up[0].t()), h2, kGate), up = adapt(h2.mm(gate_up[1].t()), h2, kUp);
  const auto act = at::silu(gate) * up;
  return x1 + adapt(act.mm(w.down_DF.t()), act, kDown);
}

BlockWeights random_weights(const ModelShape& s) {
  const auto e = (s.heads + 2 * s.kv_heads) * s.head_dim;
  return {.norm1_D = random({s.dim}) + 1, .qkv_ED = random({e, s.dim}),
          .o_DO = random({s.dim, s.heads * s.head_dim}), .norm2_D = random({s.dim}) + 1,
          .gate_up_FD = random({2 * s.ffn_dim, s.dim}), .down_DF = random({s.dim, s.ffn_dim})};
}

std::vector<at::Tensor*> members(BlockWeights& w) {
  return {&w.norm1_D, &w.qkv_ED, &w.o_DO, &w.norm2_D, &w.gate_up_FD, &w.down_DF};
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

}  // namespace

TEST_CASE("a block's forward and backward equal automatic differentiation") {
  at::manual_seed(3);
  const ModelShape s = small_shape();
  // Two rows of 9 tokens: documents of 4 and 5, then 2, 6 and one token of padding.
  const std::vector<std::int32_t> documents = {0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, -1};
  const std::vector<std::int32_t> segment = {0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 3, 3, 3, 3, 3, 3, 4};
  const std::vector<std::int32_t> position = {0, 1, 2, 3, 0, 1, 2, 3, 4, 0, 1, 0, 1, 2, 3, 4, 5, 0};
  BlockContext context{.shape = s, .rotary = rotary_table(s, 16, at::kDouble),
                       .positions_N = at::tensor(at::ArrayRef<std::int32_t>(position), at::kInt),
                       .runs = segment_runs(documents, 9)};
  context.adapter_scale = 1.7;
  BlockWeights weights = random_weights(s);
  const bool with_adapters = GENERATE(false, true);
  const BlockKeep keep = GENERATE(BlockKeep::kAll, BlockKeep::kAttention, BlockKeep::kInput);
  BlockAdapters adapters, adapter_gradients;
  const std::int64_t r = 3, e = s.head_dim;
  const std::int64_t in[] = {s.dim, s.dim, s.dim, s.heads * e, s.dim, s.dim, s.ffn_dim};
  const std::int64_t out[] = {s.heads * e, s.kv_heads * e, s.kv_heads * e, s.dim, s.ffn_dim, s.ffn_dim, s.dim};
  for (int t = 0; t < kNumAdapterTargets && with_adapters; ++t) {
    adapters[t] = {random({r, in[t]}), random({out[t], r})};
    adapter_gradients[t] = {at::empty_like(adapters[t].a_RI), at::empty_like(adapters[t].b_OR)};
  }
  const BlockAdapters* lora = with_adapters ? &adapters : nullptr;
  const at::Tensor x = random({18, s.dim}, 1.0), dy = random({18, s.dim}, 1.0);

  BlockSaved saved;
  const at::Tensor y = block_forward(x, weights, lora, 0, context, saved);
  block_forget(keep, saved);
  CHECK(saved.gate_up_NF.defined() == (keep == BlockKeep::kAll));
  CHECK(saved.qkv_NE.defined() == (keep != BlockKeep::kInput));
  block_again(weights, lora, 0, context, saved);
  BlockWeights gradients = random_weights(s);  // must be overwritten, not added to
  const at::Tensor dx = block_backward(dy, weights, lora, 0, context, saved, &gradients,
                                       lora ? &adapter_gradients : nullptr);

  const at::Tensor x_leaf = x.clone().requires_grad_(true);
  for (auto* w : members(weights)) w->requires_grad_(true);
  for (auto& a : adapters) {
    if (a.defined()) a.a_RI.requires_grad_(true), a.b_OR.requires_grad_(true);
  }
  const at::Tensor expected = plain_block(x_leaf, weights, lora, context, segment);
  CHECK(difference(y, expected.detach()) < 1e-11);
  expected.backward(dy);
  CHECK(difference(dx, x_leaf.grad()) < 1e-11);
  const auto ours = members(gradients), theirs = members(weights);
  for (std::size_t i = 0; i < ours.size(); ++i) {
    INFO("weight " << i);
    CHECK(difference(*ours[i], theirs[i]->grad()) < 1e-11);
  }
  for (int t = 0; t < kNumAdapterTargets && with_adapters; ++t) {
    INFO("adapter " << t);
    CHECK(difference(adapter_gradients[t].a_RI, adapters[t].a_RI.grad()) < 1e-11);
    CHECK(difference(adapter_gradients[t].b_OR, adapters[t].b_OR.grad()) < 1e-11);
  }
}

TEST_CASE("attention over several blocks of queries equals the plain formula and its derivative") {
  at::manual_seed(8);
  ModelShape s = small_shape();
  const std::vector<std::int64_t> lengths = {301, 1, 40};  // blocks of 128, a lone token, one block
  std::vector<SegmentRun> runs;
  std::int64_t n = 0;
  for (const auto length : lengths) runs.push_back({.begin = n, .length = length, .count = 1}), n += length;
  const std::int64_t e = s.head_dim, q_width = s.heads * e, kv_width = s.kv_heads * e;
  const at::Tensor qkv = random({n, q_width + 2 * kv_width}, 1.5), dout = random({n, q_width}, 1.0);
  at::Tensor out = at::empty({n, q_width}, at::kDouble), dqkv = at::full_like(qkv, 7.0);
  std::vector<at::Tensor> lse;
  attention_forward(qkv, runs, s, out, lse);
  attention_backward(dout, qkv, out, lse, runs, s, dqkv);

  const at::Tensor leaf = qkv.clone().requires_grad_(true);
  const auto parts = leaf.split_with_sizes({q_width, kv_width, kv_width}, 1);
  const auto q = parts[0].reshape({n, s.heads, e});
  const auto k = parts[1].reshape({n, s.kv_heads, e}).repeat_interleave(s.heads / s.kv_heads, 1);
  const auto v = parts[2].reshape({n, s.kv_heads, e}).repeat_interleave(s.heads / s.kv_heads, 1);
  std::vector<at::Tensor> rows;
  for (const auto& run : runs) {
    const auto of = [&](const at::Tensor& x) { return x.narrow(0, run.begin, run.length); };
    const auto hidden = at::ones({run.length, run.length}, at::kBool).triu(1);
    const auto scores = at::einsum("ihe,jhe->hij", {of(q), of(k)}) / std::sqrt(double(e));
    rows.push_back(at::einsum("hij,jhe->ihe", {scores.masked_fill(hidden, -1e30).softmax(-1), of(v)}));
  }
  const auto expected = at::cat(rows).reshape({n, q_width});
  CHECK(difference(out, expected.detach()) < 1e-12);
  expected.backward(dout);
  CHECK(difference(dqkv, leaf.grad()) < 1e-11);

  at::Tensor out32 = at::empty({n, q_width}, at::kFloat), dqkv32 = at::empty(qkv.sizes(), at::kFloat);
  attention_forward(qkv.to(at::kFloat), runs, s, out32, lse);
  attention_backward(dout.to(at::kFloat), qkv.to(at::kFloat), out32, lse, runs, s, dqkv32);
  CHECK(difference(out32.to(at::kDouble), out) < 1e-5);
  CHECK(difference(dqkv32.to(at::kDouble), dqkv) < 2e-5);  // sums of 300 products of size 1
}

TEST_CASE("the fused head equals log-softmax over full logits") {
  at::manual_seed(4);
  const ModelShape s = small_shape();
  const std::vector<TokenId> targets = {3, kNoTarget, 7, 49, 0, kNoTarget, 12};
  const at::Tensor x = random({7, s.dim}, 1.0).requires_grad_(true);
  const at::Tensor norm = (random({s.dim}) + 1).requires_grad_(true);
  const at::Tensor weight = random({s.vocab_size, s.dim}).requires_grad_(true);
  HeadGradients gradients{.dnorm_D = at::ones({s.dim}, at::kDouble),
                          .dweight_VD = at::ones({s.vocab_size, s.dim}, at::kDouble)};
  const double loss = head_loss(x.detach(), norm.detach(), s.norm_eps, weight.detach(), targets, 0.25, &gradients);
  const auto log_p = plain_norm(x, norm, s.norm_eps).mm(weight.t()).log_softmax(-1);
  at::Tensor sum = at::zeros({}, at::kDouble);
  for (std::int64_t i = 0; i < 7; ++i) {
    if (targets[i] != kNoTarget) sum = sum - log_p[i][targets[i]];
  }
  CHECK(loss == Approx(sum.item<double>()).epsilon(1e-12));
  (sum * 0.25).backward();
  CHECK(difference(gradients.dx_ND, x.grad()) < 1e-12);
  CHECK(difference(gradients.dnorm_D, norm.grad()) < 1e-12);
  CHECK(difference(gradients.dweight_VD, weight.grad()) < 1e-12);
  CHECK(head_loss(x.detach(), norm.detach(), s.norm_eps, weight.detach(), targets, 0, nullptr) == Approx(loss));
}

TEST_CASE("the fused head in several tiles and chunks equals log-softmax over full logits") {
  at::manual_seed(6);
  const std::int64_t n = 37, d = 6, v = 1100003;  // 16 tokens a chunk; 538 tiles, the last one of 227 columns
  const at::Tensor x = random({n, d}, 1.0), norm = random({d}) + 1, weight = random({v, d});
  std::vector<TokenId> targets;
  for (std::int64_t i = 0; i < n; ++i) targets.push_back(i == 5 ? kNoTarget : static_cast<TokenId>(i * (v - 1) / (n - 1)));
  HeadGradients gradients{.dnorm_D = at::empty({d}, at::kDouble), .dweight_VD = at::ones({v, d}, at::kDouble)};
  const double loss = head_loss(x, norm, 1e-5, weight, targets, 0.5, &gradients);
  const auto normed = plain_norm(x, norm, 1e-5);
  double expected = 0;
  at::Tensor dnormed = at::zeros({n, d}, at::kDouble), dweight = at::zeros({v, d}, at::kDouble);
  for (std::int64_t i = 0; i < n; ++i) {  // row by row: all logits at once would be 300 MB
    if (targets[i] == kNoTarget) continue;
    const auto row = weight.mv(normed[i]);
    auto p = row.softmax(0);
    expected -= std::log(p[targets[i]].item<double>());
    p[targets[i]] -= 1;
    dnormed[i] = 0.5 * weight.t().mv(p);
    dweight.addr_(p, normed[i], 1, 0.5);
  }
  CHECK(loss == Approx(expected).epsilon(1e-12));
  CHECK(difference(gradients.dweight_VD, dweight) < 1e-12);
  const at::Tensor leaf = x.clone().requires_grad_(true);
  plain_norm(leaf, norm, 1e-5).backward(dnormed);
  CHECK(difference(gradients.dx_ND, leaf.grad()) < 1e-12);
}

TEST_CASE("fp32 kernels agree with fp64 to rounding") {
  at::manual_seed(5);
  const at::Tensor gate_up = random({33, 70}, 4.0);
  at::Tensor act64 = at::empty({33, 35}, at::kDouble), act32 = at::empty({33, 35}, at::kFloat);
  swiglu_forward(gate_up, act64);
  swiglu_forward(gate_up.to(at::kFloat), act32);
  CHECK(difference(act32.to(at::kDouble), act64) < 1e-5);  // values up to about 60, 1 ulp there 4e-6
  at::Tensor logits = random({5, 301}, 6.0), copy = logits.to(at::kFloat);
  const at::Tensor targets = at::tensor(at::ArrayRef<std::int64_t>({0, 300, 7, 8, 9}), at::kLong);
  at::Tensor top = at::full({5}, -INFINITY, at::kDouble), sum = at::zeros({5}, at::kDouble);
  at::Tensor top32 = top.to(at::kFloat), sum32 = sum.to(at::kFloat);
  softmax_statistics(logits, top, sum);
  softmax_statistics(copy, top32, sum32);
  CHECK(difference(sum32.to(at::kDouble).log() + top32, sum.log() + top) < 1e-6);
  softmax_gradient(logits, 0, targets, top, sum, 1.0);
  softmax_gradient(copy, 0, targets, top32, sum32, 1.0);
  CHECK(difference(copy.to(at::kDouble), logits) < 1e-6);
}
