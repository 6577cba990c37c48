// LoRA (Hu et al. 2021, eq. 3): W x + alpha/r * B A dropout(x), with the base W frozen.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <span>

namespace anneal {

/// Weights (or gradients) of one adapter: a_RI [r, in], b_OR [out, r].
struct AdapterPair {
  at::Tensor a_RI, b_OR;
  bool defined() const { return a_RI.defined(); }
};

/// Which elements an adapter's input loses: a pure function of (key, sample, position in the row,
/// feature), so that the mask does not depend on ranks or micro-batches. rate 0 = none.
struct AdapterDropout {
  double rate = 0;
  std::uint64_t key = 0;                     ///< seed, step
  std::span<const std::uint64_t> samples;    ///< [rows] global sample index
  std::int64_t length = 0;                   ///< tokens a row
};

/// What the backward pass needs again.
struct AdapterSaved {
  at::Tensor low_NR;  ///< A dropout(x)
};

/// out_NO += scale * dropout(x_NI) A^T B^T. `salt` tells adapters of one block apart.
void adapter_forward(const at::Tensor& x_NI, const AdapterPair& weights, double scale,
                     const AdapterDropout& dropout, std::uint64_t salt, at::Tensor out_NO,
                     AdapterSaved& saved);

/// Only what the backward pass needs again of adapter_forward.
void adapter_inner(const at::Tensor& x_NI, const AdapterPair& weights, const AdapterDropout& dropout,
                   std::uint64_t salt, AdapterSaved& saved);

/// dx_NI += derivative; the gradients of A and B are written.
void adapter_backward(const at::Tensor& dout_NO, const at::Tensor& x_NI, const AdapterPair& weights,
                      double scale, const AdapterDropout& dropout, std::uint64_t salt,
                      const AdapterSaved& saved, at::Tensor& dx_NI, AdapterPair& gradients);

}  // namespace anneal
