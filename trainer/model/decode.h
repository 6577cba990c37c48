// Inference on one device: prefill and batched decoding with a key/value cache. Every slot of the
// batch has its own length, so that finished samples make room for new ones at any step.
//   B = slots decoded together, D = dim, V = vocabulary, T = longest sequence
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "data/token_batch.h"
#include "trainer/model/block.h"
#include "trainer/model_shape.h"

namespace anneal {

class Decoder {
 public:
  /// `weight` gives parameters by Hugging Face name in fp32; q/k/v and gate/up are fused here.
  Decoder(const ModelShape& shape, const std::function<at::Tensor(const std::string&)>& weight);

  const ModelShape& shape() const { return shape_; }
  /// Makes room for `slots` sequences of at most `length` tokens; forgets what was there.
  void allocate(std::int64_t slots, std::int64_t length);

  /// Reads a prompt into an empty slot; logits_V after its last token.
  at::Tensor prefill(std::int64_t slot, std::span<const TokenId> tokens);
  /// Copies a slot's cache: one prompt serves many samples.
  void copy_slot(std::int64_t from, std::int64_t to);
  /// One token for each of `slots`; logits_BV after them.
  at::Tensor step(std::span<const std::int64_t> slots, std::span<const TokenId> tokens);
  std::int64_t length(std::int64_t slot) const { return lengths_[slot]; }
  std::int64_t max_length() const { return max_length_; }

  /// Mean negative log-likelihood of tokens 1.. given those before (no cache).
  double mean_nll(std::span<const TokenId> tokens);

 private:
  at::Tensor hidden(std::span<const TokenId> tokens, std::int64_t slot);  // [N, D]; slot -1: no cache
  at::Tensor head(const at::Tensor& x_ND) const;

  ModelShape shape_;
  at::Tensor embedding_VD_, norm_D_, head_VD_;
  std::vector<BlockWeights> blocks_;
  RotaryTable rotary_;
  std::vector<at::Tensor> keys_, values_;  // per layer [slots, kv_heads, max_length, head_dim]
  std::vector<std::int64_t> lengths_;
  std::int64_t max_length_ = 0;
};

}  // namespace anneal
