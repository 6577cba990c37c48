#include "trainer/model/attention.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "trainer/model/device_ops.h"
#include "trainer/model/exponential.h"
#include "trainer/model/floating.h"
#include "trainer/model/product.h"

namespace anneal {

namespace {

constexpr std::int64_t kBlockRows = 128;          // queries taken together
constexpr std::int64_t kBlockNumbers = 1 << 19;   // scores that exist at once

/// A segment as a task: its tokens, for one key/value head and the query heads that share it.
struct Task {
  std::int64_t begin = 0, length = 0, kv_head = 0;
};

std::vector<Task> tasks_of(const std::vector<SegmentRun>& runs, const ModelShape& shape) {
  std::vector<Task> tasks;
  for (const auto& run : runs) {
    for (std::int64_t i = 0; i < run.count; ++i) {
      for (std::int64_t h = 0; h < shape.kv_heads; ++h) {
        tasks.push_back({run.begin + i * run.length, run.length, h});
      }
    }
  }
  return tasks;
}

std::int64_t block_rows(std::int64_t length) {
  return std::min(length, std::clamp<std::int64_t>(kBlockNumbers / length, 16, kBlockRows));
}

/// Where a head's q, k and v begin in a row of qkv.
struct Columns {
  std::int64_t q, k, v;
};

Columns columns_of(const ModelShape& s, std::int64_t head) {
  const std::int64_t kv_head = head / (s.heads / s.kv_heads), e = s.head_dim;
  return {head * e, (s.heads + kv_head) * e, (s.heads + s.kv_heads + kv_head) * e};
}

template <class T>
using View = MatrixView<T>;

/// One head of one segment; rows of q, k, v are `stride` apart.
template <class T>
void head_forward(const T* q, const T* k, const T* v, std::int64_t stride, std::int64_t length,
                  std::int64_t width, T* out, std::int64_t out_stride, T* lse, std::int64_t lse_stride,
                  T* scores) {
  const T scale = 1 / std::sqrt(static_cast<T>(width));
  const std::int64_t rows = block_rows(length);
  for (std::int64_t first = 0; first < length; first += rows) {
    const std::int64_t n = std::min(rows, length - first), keys = first + n;
    product(n, keys, width, {q + first * stride, stride}, {k, stride, true}, 0, {scores, keys});
    for (std::int64_t i = 0; i < n; ++i) {
      T* row = scores + i * keys;
      const std::int64_t seen = first + i + 1;
      T top = row[0];
#pragma omp simd reduction(max : top)
      for (std::int64_t j = 0; j < seen; ++j) top = row[j] > top ? row[j] : top;
      T sum = 0;
#pragma omp simd reduction(+ : sum)
      for (std::int64_t j = 0; j < seen; ++j) {
        row[j] = exp_((row[j] - top) * scale);
        sum += row[j];
      }
      std::fill(row + seen, row + keys, T(0));
      const T inverse = 1 / sum;
#pragma omp simd
      for (std::int64_t j = 0; j < seen; ++j) row[j] *= inverse;
      lse[(first + i) * lse_stride] = top * scale + std::log(sum);
    }
    product(n, width, keys, {scores, keys}, {v, stride}, 0, {out + first * out_stride, out_stride});
  }
}

/// `add`: dk and dv hold another head's part already.
template <class T>
void head_backward(const T* q, const T* k, const T* v, std::int64_t stride, std::int64_t length,
                   std::int64_t width, const T* out, const T* dout, std::int64_t out_stride, const T* lse,
                   std::int64_t lse_stride, T* dq, T* dk, T* dv, bool add, T* p, T* ds) {
  const T scale = 1 / std::sqrt(static_cast<T>(width));
  const std::int64_t rows = block_rows(length);
  // The last block first: it reaches all keys and writes where the others add.
  for (std::int64_t first = (length - 1) / rows * rows; first >= 0; first -= rows) {
    const std::int64_t n = std::min(rows, length - first), keys = first + n;
    const View<const T> q_block{q + first * stride, stride}, dout_block{dout + first * out_stride, out_stride};
    product(n, keys, width, q_block, {k, stride, true}, 0, {p, keys});
    product(n, keys, width, dout_block, {v, stride, true}, 0, {ds, keys});
    for (std::int64_t i = 0; i < n; ++i) {
      T *pi = p + i * keys, *dsi = ds + i * keys;
      const T *oi = out + (first + i) * out_stride, *doi = dout + (first + i) * out_stride;
      const std::int64_t seen = first + i + 1;
      const T log_sum = lse[(first + i) * lse_stride];
      T delta = 0;
#pragma omp simd reduction(+ : delta)
      for (std::int64_t j = 0; j < width; ++j) delta += oi[j] * doi[j];
#pragma omp simd
      for (std::int64_t j = 0; j < seen; ++j) {
        pi[j] = exp_(pi[j] * scale - log_sum);
        dsi[j] = pi[j] * (dsi[j] - delta) * scale;
      }
      std::fill(pi + seen, pi + keys, T(0));
      std::fill(dsi + seen, dsi + keys, T(0));
    }
    const T beta = add || first + n < length ? 1 : 0;
    product(keys, width, n, {p, keys, true}, dout_block, beta, {dv, stride});
    product(keys, width, n, {ds, keys, true}, q_block, beta, {dk, stride});
    product(n, width, keys, {ds, keys}, {k, stride}, 0, {dq + first * stride, stride});
  }
}

/// Calls body(task, work space) for all tasks, the threads taking neighbouring ones.
template <class T, class F>
void for_tasks(const std::vector<Task>& tasks, std::int64_t buffers, F body) {
  std::int64_t room = 0;
  for (const auto& task : tasks) room = std::max(room, block_rows(task.length) * task.length);
  at::parallel_for(0, static_cast<std::int64_t>(tasks.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<T> space(static_cast<std::size_t>(room * buffers));
    for (std::int64_t t = begin; t < end; ++t) body(tasks[static_cast<std::size_t>(t)], space.data(), space.data() + room);
  });
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
  if (!runs_in_kernels(qkv_NE)) return device::attention_forward(qkv_NE, runs, shape, out_NE, lse);
  const std::int64_t stride = qkv_NE.stride(0), out_stride = out_NE.stride(0), groups = shape.heads / shape.kv_heads;
  lse = {at::empty({qkv_NE.size(0), shape.heads}, qkv_NE.options())};
  for_floating(qkv_NE.scalar_type(), [&](auto zero) {
    using scalar_t = decltype(zero);
    const auto* qkv = qkv_NE.const_data_ptr<scalar_t>();
    auto* out = out_NE.data_ptr<scalar_t>();
    auto* sums = lse[0].data_ptr<scalar_t>();
    for_tasks<scalar_t>(tasks_of(runs, shape), 1, [&](const Task& task, scalar_t* scores, scalar_t*) {
      for (std::int64_t g = 0; g < groups; ++g) {
        const std::int64_t head = task.kv_head * groups + g;
        const Columns at = columns_of(shape, head);
        const auto* row = qkv + task.begin * stride;
        head_forward(row + at.q, row + at.k, row + at.v, stride, task.length, shape.head_dim,
                     out + task.begin * out_stride + at.q, out_stride, sums + task.begin * shape.heads + head,
                     shape.heads, scores);
      }
    });
  });
}

void attention_backward(const at::Tensor& dout_NE, const at::Tensor& qkv_NE, const at::Tensor& out_NE,
                        const std::vector<at::Tensor>& lse, const std::vector<SegmentRun>& runs,
                        const ModelShape& shape, at::Tensor& dqkv_NE) {
  if (!runs_in_kernels(qkv_NE)) return device::attention_backward(dout_NE, qkv_NE, out_NE, lse, runs, shape, dqkv_NE);
  const std::int64_t stride = qkv_NE.stride(0), out_stride = out_NE.stride(0), groups = shape.heads / shape.kv_heads;
  TORCH_CHECK(dqkv_NE.stride(0) == stride && dout_NE.stride(0) == out_stride, "rows of another length");
  for_floating(qkv_NE.scalar_type(), [&](auto zero) {
    using scalar_t = decltype(zero);
    const auto* qkv = qkv_NE.const_data_ptr<scalar_t>();
    const auto* out = out_NE.const_data_ptr<scalar_t>();
    const auto* dout = dout_NE.const_data_ptr<scalar_t>();
    const auto* sums = lse[0].const_data_ptr<scalar_t>();
    auto* dqkv = dqkv_NE.data_ptr<scalar_t>();
    for_tasks<scalar_t>(tasks_of(runs, shape), 2, [&](const Task& task, scalar_t* p, scalar_t* ds) {
      for (std::int64_t g = 0; g < groups; ++g) {
        const std::int64_t head = task.kv_head * groups + g;
        const Columns at = columns_of(shape, head);
        const auto* row = qkv + task.begin * stride;
        auto* drow = dqkv + task.begin * stride;
        const std::int64_t from = task.begin * out_stride + at.q;
        head_backward(row + at.q, row + at.k, row + at.v, stride, task.length, shape.head_dim, out + from,
                      dout + from, out_stride, sums + task.begin * shape.heads + head, shape.heads, drow + at.q,
                      drow + at.k, drow + at.v, /*add=*/g > 0, p, ds);
      }
    });
  });
}

}  // namespace anneal
