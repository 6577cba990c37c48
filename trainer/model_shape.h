// The shape of a LLaMA: every number that decides which parameters there are and what the forward
// pass computes. Parameters carry Hugging Face names everywhere in this program
// ("model.layers.0.self_attn.q_proj.weight", [out, in]), and the rotary convention is Hugging
// Face's: dimension i of a head pairs with i + head_dim/2 ("rotate half"). No torch in here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace anneal {

struct ModelOptions;  // recipes/schema.h

/// Stretching of the rotary frequencies. kLlama3: Llama 3.1 ("llama3" in Hugging Face): wavelengths
/// beyond original/low_freq_factor are divided by `factor`, those below original/high_freq_factor
/// stay, between them the two are blended linearly.
struct RopeScaling {
  enum class Type { kNone, kLlama3 };
  Type type = Type::kNone;
  double factor = 1.0;
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  std::int64_t original_max_positions = 0;
  bool operator==(const RopeScaling&) const = default;
};

struct ModelShape {
  std::int64_t dim = 0;       ///< width of the residual stream (hidden_size)
  std::int64_t layers = 0;    ///< num_hidden_layers
  std::int64_t heads = 0;     ///< query heads
  std::int64_t kv_heads = 0;  ///< key/value heads; divides heads
  std::int64_t head_dim = 0;  ///< width of one head; even
  std::int64_t ffn_dim = 0;   ///< intermediate_size
  std::int64_t vocab_size = 0;
  std::int64_t max_positions = 0;
  double rope_theta = 10000.0;
  double norm_eps = 1e-5;
  bool tied_head = false;  ///< the head is the embedding; there is no lm_head.weight
  double init_std = 0.02;  ///< of fresh weights only
  RopeScaling rope_scaling;
  bool operator==(const ModelShape&) const = default;

  /// Number of weights (a tied head counts once).
  std::int64_t num_parameters() const;
  /// "dim 64, 5 layers, 8 heads (4 key/value) of 8, ffn 172, vocabulary 512, tied head; 260,032
  /// parameters".
  std::string describe() const;
};

/// The rotary inverse frequencies theta^(-2i/head_dim), i = 0 .. head_dim/2 - 1, with the scaling
/// applied; equal to transformers' fp32 values to a unit or two in the last place.
std::vector<float> rotary_inverse_frequencies(const ModelShape& shape);

/// One parameter: its Hugging Face name and its shape.
struct ParameterSpec {
  std::string name;
  std::vector<std::int64_t> shape;
  bool operator==(const ParameterSpec&) const = default;
};

/// All parameters in the order of the forward pass: embedding, layers (input norm, q, k, v, o,
/// post-attention norm, gate, up, down), final norm, and the head unless it is tied.
std::vector<ParameterSpec> parameter_specs(const ModelShape& shape);

/// The parameters of one layer, in the same order; names in full.
std::vector<ParameterSpec> layer_parameter_specs(const ModelShape& shape, std::int64_t layer);

/// "model.layers.{layer}.{part}", for example layer_name(3, "mlp.up_proj.weight").
std::string layer_name(std::int64_t layer, const std::string& part);

/// The shape that a recipe's `model` section asks for; `tokenizer_vocab_size` fills a vocab_size of
/// 0. Throws UsageError (dim not divisible by heads, a vocabulary smaller than the tokenizer's...).
ModelShape shape_from_options(const ModelOptions& options, std::int64_t tokenizer_vocab_size);

/// What is wrong with the shape ("heads 6 is not a multiple of kv_heads 4"), or "" if nothing is.
std::string shape_fault(const ModelShape& shape);

}  // namespace anneal
