#include "trainer/model/attention.h"

namespace anneal {

namespace {

/// A run's heads as [count, heads, length, head_dim], a view of the columns from `column` on.
at::Tensor heads_view(const at::Tensor& x_NE, const SegmentRun& run, std::int64_t column,
                      std::int64_t heads, std::int64_t head_dim) {
  const std::int64_t stride = x_NE.stride(0);
  return x_NE.as_strided({run.count, heads, run.length, head_dim},
                         {run.length * stride, head_dim, stride, 1},
                         x_NE.storage_offset() + run.begin * stride + column);
}

struct Views {
  at::Tensor q, k, v;
};

Views qkv_views(const at::Tensor& qkv, const SegmentRun& run, const ModelShape& s) {
  const std::int64_t q_width = s.heads * s.head_dim, kv_width = s.kv_heads * s.head_dim;
  return {heads_view(qkv, run, 0, s.heads, s.head_dim),
          heads_view(qkv, run, q_width, s.kv_heads, s.head_dim),
          heads_view(qkv, run, q_width + kv_width, s.kv_heads, s.head_dim)};
}

/// Grouped-query attention: every key/value head serves heads / kv_heads query heads.
at::Tensor repeat_groups(const at::Tensor& kv_BKLE, const ModelShape& s) {
  const std::int64_t groups = s.heads / s.kv_heads;
  if (groups == 1) return kv_BKLE;
  const auto sizes = kv_BKLE.sizes();
  return kv_BKLE.unsqueeze(2)
      .expand({sizes[0], s.kv_heads, groups, sizes[2], sizes[3]})
      .reshape({sizes[0], s.heads, sizes[2], sizes[3]});
}

at::Tensor sum_groups(const at::Tensor& d_BHLE, const ModelShape& s) {
  const std::int64_t groups = s.heads / s.kv_heads;
  if (groups == 1) return d_BHLE;
  const auto sizes = d_BHLE.sizes();
  return d_BHLE.reshape({sizes[0], s.kv_heads, groups, sizes[2], sizes[3]}).sum(2);
}

}  // namespace

std::vector<SegmentRun> segment_runs(std::span<const std::int32_t> documents, std::int64_t length) {
  std::vector<SegmentRun> runs;
  const auto total = static_cast<std::int64_t>(documents.size());
  for (std::int64_t begin = 0; begin < total;) {
    const std::int64_t row_end = (begin / length + 1) * length;
    std::int64_t end = begin + 1;
    while (end < row_end && documents[end] == documents[begin]) ++end;
    if (!runs.empty() && runs.back().length == end - begin) {
      ++runs.back().count;
    } else {
      runs.push_back({.begin = begin, .length = end - begin, .count = 1});
    }
    begin = end;
  }
  return runs;
}

void attention_forward(const at::Tensor& qkv_NE, const std::vector<SegmentRun>& runs,
                       const ModelShape& shape, at::Tensor& out_NE, std::vector<at::Tensor>& lse) {
  lse.clear();
  for (const auto& run : runs) {
    const auto [q, k, v] = qkv_views(qkv_NE, run, shape);
    auto [out, logsumexp] = at::_scaled_dot_product_flash_attention_for_cpu(
        q, repeat_groups(k, shape), repeat_groups(v, shape), /*dropout_p=*/0.0, /*is_causal=*/true);
    heads_view(out_NE, run, 0, shape.heads, shape.head_dim).copy_(out);
    lse.push_back(std::move(logsumexp));
  }
}

void attention_backward(const at::Tensor& dout_NE, const at::Tensor& qkv_NE, const at::Tensor& out_NE,
                        const std::vector<at::Tensor>& lse, const std::vector<SegmentRun>& runs,
                        const ModelShape& shape, at::Tensor& dqkv_NE) {
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto [q, k, v] = qkv_views(qkv_NE, runs[i], shape);
    const auto [dq_out, dk_out, dv_out] = qkv_views(dqkv_NE, runs[i], shape);
    auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
        heads_view(dout_NE, runs[i], 0, shape.heads, shape.head_dim), q, repeat_groups(k, shape),
        repeat_groups(v, shape), heads_view(out_NE, runs[i], 0, shape.heads, shape.head_dim), lse[i],
        /*dropout_p=*/0.0, /*is_causal=*/true);
    dq_out.copy_(dq);
    dk_out.copy_(sum_groups(dk, shape));
    dv_out.copy_(sum_groups(dv, shape));
  }
}

}  // namespace anneal
