// The operations through ATen (bf16, GPUs) against the hand-written kernels: the same code on CPU in fp64, and
// a block in bf16 against fp64.
#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "base/random.h"
#include "tests/catch.h"
#include "trainer/model/block.h"
#include "trainer/model/device_ops.h"

using namespace anneal;

namespace {

ModelShape small_shape() {
  ModelShape s;
  s.dim = 24;
  s.layers = 1;
  s.heads = 6;
  s.kv_heads = 2;
  s.head_dim = 4;
  s.ffn_dim = 40;
  s.vocab_size = 50;
  s.max_positions = 64;
  return s;
}

at::Tensor random(at::IntArrayRef sizes) { return at::randn(sizes, at::kDouble); }

/// Rounding of fp64 in another order of some hundred terms.
void check_same(const at::Tensor& a, const at::Tensor& b) {
  REQUIRE(a.sizes() == b.sizes());
  CHECK((a - b).abs().max().item<double>() < 1e-12 * std::max(1.0, b.abs().max().item<double>()));
}

double relative(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b).norm().item<double>() / b.norm().item<double>();
}

const std::vector<SegmentRun> kRuns = {{0, 5, 1}, {5, 3, 2}, {11, 1, 1}, {12, 8, 1}};
constexpr std::int64_t kTokens = 20;

at::Tensor positions() {
  std::vector<std::int32_t> values;
  for (const auto& run : kRuns) {
    for (std::int64_t i = 0; i < run.count * run.length; ++i) values.push_back(static_cast<std::int32_t>(i % run.length));
  }
  return on_device(values, at::kCPU);
}

}  // namespace

TEST_CASE("device operations: norms, rotation and SwiGLU are those of the kernels") {
  at::manual_seed(1);
  const ModelShape s = small_shape();
  const at::Tensor x = random({kTokens, s.dim}), w = random({s.dim}), dy = random({kTokens, s.dim});
  at::Tensor y = at::empty_like(x), rstd = at::empty({kTokens}, x.options()), y2 = at::empty_like(x), rstd2 = at::empty_like(rstd);
  rms_norm_forward(x, w, 1e-5, y, rstd);
  device::rms_norm_forward(x, w, 1e-5, y2, rstd2);
  check_same(y2, y), check_same(rstd2, rstd);
  at::Tensor dx = random({kTokens, s.dim}), dx2 = dx.clone(), dw = at::empty_like(w), dw2 = at::empty_like(w), none;
  rms_norm_backward(dy, x, w, rstd, dx, dw);
  device::rms_norm_backward(dy, x, w, rstd, dx2, dw2);
  check_same(dx2, dx), check_same(dw2, dw);
  device::rms_norm_backward(dy, x, w, rstd, dx2, none);  // a frozen norm

  const RotaryTable table = rotary_table(s, 16, at::kDouble);
  for (const bool inverse : {false, true}) {
    at::Tensor heads = random({kTokens, 40}), heads2 = heads.clone();  // rows longer than the rotated heads
    rotary_in_place(heads, 8, s.head_dim, positions(), table, inverse);
    device::rotary_in_place(heads2, 8, s.head_dim, positions(), table, inverse);
    check_same(heads2, heads);
  }

  at::Tensor gu = random({kTokens, 2 * s.ffn_dim}), gu2 = gu.clone(), act = at::empty({kTokens, s.ffn_dim}, x.options()), act2 = at::empty_like(act);
  swiglu_forward(gu, act), device::swiglu_forward(gu, act2);
  check_same(act2, act);
  const at::Tensor dact = random({kTokens, s.ffn_dim});
  swiglu_backward(dact, gu, act), device::swiglu_backward(dact, gu2, act2);
  check_same(gu2, gu), check_same(act2, act);
}

TEST_CASE("device operations: attention within segments, shared key heads") {
  at::manual_seed(2);
  const ModelShape s = small_shape();
  const std::int64_t e = (s.heads + 2 * s.kv_heads) * s.head_dim, o = s.heads * s.head_dim;
  const at::Tensor qkv = random({kTokens, e}), dout = random({kTokens, o});
  at::Tensor out = at::empty({kTokens, o}, qkv.options()), out2 = at::empty_like(out), dqkv = at::empty_like(qkv), dqkv2 = at::empty_like(qkv);
  std::vector<at::Tensor> lse, lse2;
  attention_forward(qkv, kRuns, s, out, lse);
  device::attention_forward(qkv, kRuns, s, out2, lse2);
  check_same(out2, out), check_same(lse2[0], lse[0]);
  attention_backward(dout, qkv, out, lse, kRuns, s, dqkv);
  device::attention_backward(dout, qkv, out2, lse2, kRuns, s, dqkv2);
  check_same(dqkv2, dqkv);
}

TEST_CASE("device operations: embedding, head and loss") {
  at::manual_seed(3);
  const ModelShape s = small_shape();
  const at::Tensor table = random({s.vocab_size, s.dim}), norm = random({s.dim});
  std::vector<TokenId> tokens(kTokens), targets(kTokens);
  for (std::int64_t i = 0; i < kTokens; ++i) {
    tokens[i] = static_cast<TokenId>(i * 7 % 13);  // some twice
    targets[i] = i % 5 == 2 ? kNoTarget : static_cast<TokenId>(i * 11 % s.vocab_size);
  }
  CHECK(at::equal(device::embedding_forward(table, tokens), embedding_forward(table, tokens)));
  CHECK_THROWS(device::embedding_forward(table, std::vector<TokenId>{50}));
  const at::Tensor dx = random({kTokens, s.dim});
  at::Tensor dtable = random({s.vocab_size, s.dim}), dtable2 = dtable.clone();
  embedding_backward(dx, tokens, dtable), device::embedding_backward(dx, tokens, dtable2);
  check_same(dtable2, dtable);

  const at::Tensor x = random({kTokens, s.dim});
  const auto gradients = [&] { return HeadGradients{.dnorm_D = at::empty_like(norm), .dweight_VD = at::empty_like(table)}; };
  HeadGradients a = gradients(), b = gradients();
  const double loss = head_loss(x, norm, 1e-5, table, targets, 0.1, &a);
  CHECK(device::head_loss(x, norm, 1e-5, table, targets, 0.1, &b) == Approx(loss).epsilon(1e-13));
  CHECK(device::head_loss(x, norm, 1e-5, table, targets, 0.1, nullptr) == Approx(loss).epsilon(1e-13));
  check_same(b.dx_ND, a.dx_ND), check_same(b.dnorm_D, a.dnorm_D), check_same(b.dweight_VD, a.dweight_VD);
  const std::vector<TokenId> none(kTokens, kNoTarget);
  CHECK(device::head_loss(x, norm, 1e-5, table, none, 0.1, &b) == 0);
  CHECK(b.dweight_VD.abs().max().item<double>() == 0);
}

TEST_CASE("device operations: the dropout mask is the same, element for element") {
  const std::vector<std::uint64_t> samples = {3, 900};
  const AdapterDropout dropout{.rate = 0.3, .key = 77, .samples = samples, .length = 10};
  at::manual_seed(4);
  const at::Tensor x = random({kTokens, 33});
  const AdapterPair identity{.a_RI = at::eye(33, at::kDouble), .b_OR = at::eye(33, at::kDouble)};
  AdapterSaved saved;
  adapter_inner(x, identity, dropout, /*salt=*/5, saved);
  std::vector<std::int64_t> keys;
  for (std::uint64_t i = 0; i < kTokens; ++i) {
    keys.push_back(static_cast<std::int64_t>(derive_key({dropout.key, 5, samples[i / 10], i % 10})));
  }
  const at::Tensor masked = device::dropped(x, dropout.rate, on_device(keys, at::kCPU));
  check_same(masked, saved.low_NR);
  CHECK((masked == 0).sum().item<std::int64_t>() > kTokens * 33 / 5);
}

TEST_CASE("a block in bf16 is the block in fp64 but for rounding") {
  at::manual_seed(5);
  const ModelShape s = small_shape();
  const std::int64_t e = (s.heads + 2 * s.kv_heads) * s.head_dim;
  const auto narrow = [](const at::Tensor& x) { return x.to(at::kBFloat16); };
  BlockWeights w{.norm1_D = random({s.dim}) * 0.2 + 1, .qkv_ED = random({e, s.dim}) * 0.2, .o_DO = random({s.dim, s.dim}) * 0.2,
                 .norm2_D = random({s.dim}) * 0.2 + 1, .gate_up_FD = random({2 * s.ffn_dim, s.dim}) * 0.2,
                 .down_DF = random({s.dim, s.ffn_dim}) * 0.2};
  BlockWeights w16, w64;
  for (const auto member : {&BlockWeights::norm1_D, &BlockWeights::qkv_ED, &BlockWeights::o_DO, &BlockWeights::norm2_D,
                            &BlockWeights::gate_up_FD, &BlockWeights::down_DF}) {
    w16.*member = narrow(w.*member);
    w64.*member = (w16.*member).to(at::kDouble);  // the same values: only the arithmetic differs
  }
  const at::Tensor x16 = narrow(random({kTokens, s.dim})), dy16 = narrow(random({kTokens, s.dim}));
  const auto run = [&](const BlockWeights& weights, const at::Tensor& x, const at::Tensor& dy, at::ScalarType gradient_type,
                       BlockKeep keep, BlockWeights& gradients) {
    const at::ScalarType table_type = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    const BlockContext context{.shape = s, .rotary = rotary_table(s, 16, table_type), .positions_N = positions(), .runs = kRuns};
    for (const auto member : {&BlockWeights::norm1_D, &BlockWeights::qkv_ED, &BlockWeights::o_DO, &BlockWeights::norm2_D,
                              &BlockWeights::gate_up_FD, &BlockWeights::down_DF}) {
      gradients.*member = at::empty((weights.*member).sizes(), gradient_type);
    }
    BlockSaved saved;
    const at::Tensor y = block_forward(x, weights, nullptr, 0, context, saved);
    block_forget(keep, saved);
    block_again(weights, nullptr, 0, context, saved);
    return std::pair(y, block_backward(dy, weights, nullptr, 0, context, saved, &gradients, nullptr));
  };
  BlockWeights exact, wide, full, half;
  const auto [y, dx] = run(w64, x16.to(at::kDouble), dy16.to(at::kDouble), at::kDouble, BlockKeep::kAll, exact);
  const auto [y16, dx16] = run(w16, x16, dy16, at::kFloat, BlockKeep::kAll, wide);
  // bf16 has 8 significant bits: a rounding is off by 2^-9 at most, 0.1 % on average; a result has seen about ten.
  constexpr double kBound = 0.012;
  CHECK(relative(y16, y) < kBound);
  CHECK(relative(dx16, dx) < kBound);
  run(w16, x16, dy16, at::kFloat, BlockKeep::kInput, full);
  run(w16, x16, dy16, at::kBFloat16, BlockKeep::kAttention, half);
  for (const auto member : {&BlockWeights::norm1_D, &BlockWeights::qkv_ED, &BlockWeights::o_DO, &BlockWeights::norm2_D,
                            &BlockWeights::gate_up_FD, &BlockWeights::down_DF}) {
    CHECK(relative(wide.*member, exact.*member) < kBound);
    CHECK(relative(half.*member, exact.*member) < kBound);
    CHECK(at::equal(full.*member, wide.*member));  // recomputed to the same bits
    CHECK((half.*member).scalar_type() == at::kBFloat16);
  }
}
