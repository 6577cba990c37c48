// Causal attention within segments through ATen (device_ops.h).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "trainer/model/device_ops.h"

namespace anneal::device {

namespace {

constexpr std::int64_t kMostScores = 1 << 24;  // that exist at once on CPU
constexpr std::int64_t kCausal = 1;            // efficient attention: from the top left corner

struct Heads {
  at::Tensor q, k, v;  // [N, heads, head_dim], [N, kv_heads, head_dim] twice: views
};

Heads heads_of(const at::Tensor& qkv_NE, const ModelShape& s) {
  const std::int64_t q = s.heads * s.head_dim, kv = s.kv_heads * s.head_dim;
  const auto view = [&](std::int64_t begin, std::int64_t width, std::int64_t heads) {
    return qkv_NE.narrow(1, begin, width).unflatten(1, {heads, s.head_dim});
  };
  return {view(0, q, s.heads), view(q, kv, s.kv_heads), view(q + kv, kv, s.kv_heads)};
}

double scale_of(const ModelShape& s) { return 1 / std::sqrt(static_cast<double>(s.head_dim)); }

/// Borders of the segments, and the longest one: what variable-length attention asks for.
struct Borders {
  at::Tensor sums;  // [segments + 1] int32, on the device
  std::int64_t longest = 0;
};

Borders borders_of(const std::vector<SegmentRun>& runs, at::Device device) {
  std::vector<std::int32_t> sums = {0};
  std::int64_t longest = 0;
  for (const auto& run : runs) {
    longest = std::max(longest, run.length);
    for (std::int64_t i = 0; i < run.count; ++i)
      sums.push_back(sums.back() + static_cast<std::int32_t>(run.length));
  }
  return {on_device(sums, device), longest};
}

/// Keys and values for every query head.
at::Tensor repeated(const at::Tensor& x_NHd, std::int64_t groups) {
  return groups == 1 ? x_NHd : x_NHd.repeat_interleave(groups, 1);
}

/// The sum over the query heads that share a key head.
at::Tensor folded(const at::Tensor& x_NHd, std::int64_t groups) {
  return groups == 1 ? x_NHd : x_NHd.unflatten(1, {x_NHd.size(1) / groups, groups}).sum(2);
}

/// Calls body(first token, segments, length) for runs, in parts whose scores keep to a bound.
template <class F>
void for_parts(const std::vector<SegmentRun>& runs, std::int64_t heads, F body) {
  for (const auto& run : runs) {
    const std::int64_t most =
        std::max<std::int64_t>(1, kMostScores / (heads * run.length * run.length));
    for (std::int64_t i = 0; i < run.count; i += most) {
      body(run.begin + i * run.length, std::min(most, run.count - i), run.length);
    }
  }
}

/// [segments, heads, length, head_dim] in fp32 (or fp64).
at::Tensor part(const at::Tensor& x_NHd, std::int64_t begin, std::int64_t count,
                std::int64_t length) {
  const at::Tensor x =
      x_NHd.narrow(0, begin, count * length).unflatten(0, {count, length}).transpose(1, 2);
  return x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
}

at::Tensor future_mask(std::int64_t length, const at::Tensor& like) {
  return at::ones({length, length}, like.options().dtype(at::kBool)).triu_(1);
}

void write_part(at::Tensor to_NHd, std::int64_t begin, std::int64_t count, std::int64_t length,
                const at::Tensor& from) {
  to_NHd.narrow(0, begin, count * length).copy_(from.transpose(1, 2).flatten(0, 1));
}

}  // namespace

void attention_forward(const at::Tensor& qkv_NE, const std::vector<SegmentRun>& runs,
                       const ModelShape& shape, at::Tensor& out_NE, std::vector<at::Tensor>& lse) {
  const Heads heads = heads_of(qkv_NE, shape);
  const at::Tensor &q = heads.q, &k = heads.k, &v = heads.v;
  const std::int64_t groups = shape.heads / shape.kv_heads;
  at::Tensor out = out_NE.unflatten(1, {shape.heads, shape.head_dim});
  if (qkv_NE.is_cuda() && qkv_NE.scalar_type() == at::kBFloat16) {
    const Borders borders = borders_of(runs, qkv_NE.device());
    auto [written, sums, state, unused, debug] = at::_flash_attention_forward(
        q, k, v, borders.sums, borders.sums, borders.longest, borders.longest, /*dropout_p=*/0.0,
        /*is_causal=*/true, /*return_debug_mask=*/false, scale_of(shape));
    out.copy_(written);
    lse = {sums, state, unused, borders.sums};
    return;
  }
  if (qkv_NE.is_cuda()) {
    const Borders borders = borders_of(runs, qkv_NE.device());
    auto [written, sums, seed, offset, most_q, most_k] = at::_efficient_attention_forward(
        q.unsqueeze(0), repeated(k, groups).unsqueeze(0), repeated(v, groups).unsqueeze(0),
        /*bias=*/std::nullopt, borders.sums, borders.sums, borders.longest, borders.longest,
        /*dropout_p=*/0.0, kCausal, /*compute_log_sumexp=*/true, scale_of(shape));
    out.copy_(written.squeeze(0));
    lse = {sums, seed, offset, borders.sums};
    return;
  }
  lse = {at::empty({qkv_NE.size(0), shape.heads}, statistics_options(qkv_NE))};
  for_parts(runs, shape.heads, [&](std::int64_t begin, std::int64_t count, std::int64_t length) {
    at::Tensor scores = at::matmul(part(q, begin, count, length),
                                   part(repeated(k, groups), begin, count, length).transpose(2, 3));
    scores.mul_(scale_of(shape)).masked_fill_(future_mask(length, scores), -INFINITY);
    const at::Tensor sums = scores.logsumexp(3);
    lse[0].narrow(0, begin, count * length).copy_(sums.transpose(1, 2).flatten(0, 1));
    write_part(out, begin, count, length,
               at::matmul((scores - sums.unsqueeze(3)).exp_(),
                          part(repeated(v, groups), begin, count, length)));
  });
}

void attention_backward(const at::Tensor& dout_NE, const at::Tensor& qkv_NE,
                        const at::Tensor& out_NE, const std::vector<at::Tensor>& lse,
                        const std::vector<SegmentRun>& runs, const ModelShape& shape,
                        at::Tensor& dqkv_NE) {
  const Heads heads = heads_of(qkv_NE, shape), gradients = heads_of(dqkv_NE, shape);
  const at::Tensor &q = heads.q, &k = heads.k, &v = heads.v;
  const at::Tensor &dq = gradients.q, &dk = gradients.k, &dv = gradients.v;
  const std::int64_t groups = shape.heads / shape.kv_heads;
  const auto split = [&](const at::Tensor& x) {
    return x.unflatten(1, {shape.heads, shape.head_dim});
  };
  const at::Tensor out = split(out_NE), dout = split(dout_NE);
  if (qkv_NE.is_cuda()) {
    std::int64_t longest = 0;
    for (const auto& run : runs) longest = std::max(longest, run.length);
    if (qkv_NE.scalar_type() == at::kBFloat16) {
      const auto [gq, gk, gv] = at::_flash_attention_backward(
          dout, q, k, v, out, lse[0], lse[3], lse[3], longest, longest, /*dropout_p=*/0.0,
          /*is_causal=*/true, lse[1], lse[2], scale_of(shape));
      dq.copy_(gq), dk.copy_(gk), dv.copy_(gv);
    } else {
      const auto [gq, gk, gv, bias] = at::_efficient_attention_backward(
          dout.unsqueeze(0), q.unsqueeze(0), repeated(k, groups).unsqueeze(0),
          repeated(v, groups).unsqueeze(0),
          /*bias=*/std::nullopt, out.unsqueeze(0), lse[3], lse[3], longest, longest, lse[0],
          /*dropout_p=*/0.0, lse[1], lse[2], kCausal, /*bias_requires_grad=*/false,
          scale_of(shape));
      dq.copy_(gq.squeeze(0)), dk.copy_(folded(gk.squeeze(0), groups)),
          dv.copy_(folded(gv.squeeze(0), groups));
    }
    return;
  }
  for_parts(runs, shape.heads, [&](std::int64_t begin, std::int64_t count, std::int64_t length) {
    const at::Tensor q_ = part(q, begin, count, length),
                     k_ = part(repeated(k, groups), begin, count, length),
                     v_ = part(repeated(v, groups), begin, count, length),
                     do_ = part(dout, begin, count, length);
    const at::Tensor sums =
        lse[0].narrow(0, begin, count * length).unflatten(0, {count, length}).transpose(1, 2);
    at::Tensor p =
        at::matmul(q_, k_.transpose(2, 3)).mul_(scale_of(shape)).sub_(sums.unsqueeze(3)).exp_();
    p.masked_fill_(future_mask(length, p), 0);
    const at::Tensor delta = (part(out, begin, count, length) * do_).sum(3, /*keepdim=*/true);
    const at::Tensor ds =
        (at::matmul(do_, v_.transpose(2, 3)) - delta).mul_(p).mul_(scale_of(shape));
    const auto write = [&](const at::Tensor& to, const at::Tensor& from, std::int64_t shared) {
      const at::Tensor summed =
          shared == 1 ? from : from.unflatten(1, {from.size(1) / shared, shared}).sum(2);
      write_part(to, begin, count, length, summed);
    };
    write(dv, at::matmul(p.transpose(2, 3), do_), groups);
    write(dk, at::matmul(ds.transpose(2, 3), q_), groups);
    write(dq, at::matmul(ds, k_), 1);
  });
}

}  // namespace anneal::device
