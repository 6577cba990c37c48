#include "trainer/model_shape.h"

#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "recipes/schema.h"

namespace anneal {

std::string layer_name(std::int64_t layer, const std::string& part) {
  return fmt::format("model.layers.{}.{}", layer, part);
}

std::vector<ParameterSpec> layer_parameter_specs(const ModelShape& s, std::int64_t layer) {
  const std::int64_t q = s.heads * s.head_dim, kv = s.kv_heads * s.head_dim;
  return {
      {layer_name(layer, "input_layernorm.weight"), {s.dim}},
      {layer_name(layer, "self_attn.q_proj.weight"), {q, s.dim}},
      {layer_name(layer, "self_attn.k_proj.weight"), {kv, s.dim}},
      {layer_name(layer, "self_attn.v_proj.weight"), {kv, s.dim}},
      {layer_name(layer, "self_attn.o_proj.weight"), {s.dim, q}},
      {layer_name(layer, "post_attention_layernorm.weight"), {s.dim}},
      {layer_name(layer, "mlp.gate_proj.weight"), {s.ffn_dim, s.dim}},
      {layer_name(layer, "mlp.up_proj.weight"), {s.ffn_dim, s.dim}},
      {layer_name(layer, "mlp.down_proj.weight"), {s.dim, s.ffn_dim}},
  };
}

std::vector<ParameterSpec> parameter_specs(const ModelShape& s) {
  std::vector<ParameterSpec> specs = {{"model.embed_tokens.weight", {s.vocab_size, s.dim}}};
  for (std::int64_t layer = 0; layer < s.layers; ++layer) {
    for (auto& spec : layer_parameter_specs(s, layer)) specs.push_back(std::move(spec));
  }
  specs.push_back({"model.norm.weight", {s.dim}});
  if (!s.tied_head) specs.push_back({"lm_head.weight", {s.vocab_size, s.dim}});
  return specs;
}

std::int64_t ModelShape::num_parameters() const {
  const std::int64_t attention = 2 * dim * head_dim * (heads + kv_heads);
  const std::int64_t layer = attention + 3 * dim * ffn_dim + 2 * dim;
  return (tied_head ? 1 : 2) * vocab_size * dim + layers * layer + dim;
}

std::string ModelShape::describe() const {
  return fmt::format(
      "dim {}, {} layers, {} heads ({} key/value) of {}, ffn {}, vocabulary {}, {} head; {} "
      "parameters",
      dim, layers, heads, kv_heads, head_dim, ffn_dim, vocab_size, tied_head ? "tied" : "own",
      with_commas(num_parameters()));
}

std::string shape_fault(const ModelShape& s) {
  // beyond this a size is damage, and products of sizes would overflow
  constexpr std::int64_t kLargest = std::int64_t{1} << 24;
  const struct {
    const char* name;
    std::int64_t value, largest;
  } sizes[] = {{"dim", s.dim, kLargest},
               {"layers", s.layers, 1 << 16},
               {"heads", s.heads, 1 << 16},
               {"kv_heads", s.kv_heads, 1 << 16},
               {"head_dim", s.head_dim, 1 << 16},
               {"ffn_dim", s.ffn_dim, kLargest},
               {"vocab_size", s.vocab_size, kLargest},
               {"max_positions", s.max_positions, std::int64_t{1} << 32}};
  for (const auto& size : sizes) {
    if (size.value < 1 || size.value > size.largest) {
      return fmt::format("{} is {}, expected 1 to {}", size.name, size.value, size.largest);
    }
  }
  const double heads = 2.0 * static_cast<double>(s.head_dim) * static_cast<double>(s.heads);
  const double layer = static_cast<double>(s.dim) * (heads + static_cast<double>(s.ffn_dim));
  if (layer * static_cast<double>(s.layers) > 1e14) {
    return fmt::format(
        "dim {}, ffn_dim {}, {} heads of {} and {} layers make more than 1e14 weights", s.dim,
        s.ffn_dim, s.heads, s.head_dim, s.layers);
  }
  if (s.heads % s.kv_heads != 0) {
    return fmt::format("heads {} is not a multiple of kv_heads {}", s.heads, s.kv_heads);
  }
  if (s.head_dim % 2 != 0) {
    return fmt::format("head_dim {} is odd; rotary positions need pairs of dimensions", s.head_dim);
  }
  if (!(s.rope_theta > 0) || !std::isfinite(s.rope_theta)) {
    return fmt::format("rope_theta is {}, expected a positive number", s.rope_theta);
  }
  if (!(s.norm_eps >= 0) || !std::isfinite(s.norm_eps)) {
    return fmt::format("norm_eps is {}, expected a small number, not negative", s.norm_eps);
  }
  if (!(s.init_std >= 0) || !std::isfinite(s.init_std)) {
    return fmt::format("init_std is {}, expected a number, not negative", s.init_std);
  }
  const RopeScaling& r = s.rope_scaling;
  if (r.type == RopeScaling::Type::kLlama3 &&
      (!(r.factor >= 1) || !(r.low_freq_factor > 0) || !(r.high_freq_factor > r.low_freq_factor) ||
       r.original_max_positions < 1)) {
    return fmt::format(
        "rope scaling llama3 with factor {}, low_freq_factor {}, high_freq_factor {}, original "
        "positions {}: expected factor >= 1, 0 < low < high, positions >= 1",
        r.factor, r.low_freq_factor, r.high_freq_factor, r.original_max_positions);
  }
  return "";
}

ModelShape shape_from_options(const ModelOptions& options, std::int64_t tokenizer_vocab_size) {
  const auto refuse = [](const std::string& what, const std::string& hint) {
    throw UsageError("the recipe's `model` section: " + what, hint);
  };
  if (options.heads < 1 || options.dim < 1 || options.dim % options.heads != 0) {
    refuse(fmt::format("dim {} is not a positive multiple of heads {}", options.dim, options.heads),
           "set model.dim to heads times an even head size, for example 256 = 8 x 32");
  }
  ModelShape s{.dim = options.dim,
               .layers = options.layers,
               .heads = options.heads,
               .kv_heads = options.kv_heads == 0 ? options.heads : options.kv_heads,
               .head_dim = options.dim / options.heads,
               .ffn_dim = options.ffn_dim,
               .vocab_size = options.vocab_size == 0 ? tokenizer_vocab_size : options.vocab_size,
               .max_positions = options.max_positions,
               .rope_theta = options.rope_theta,
               .norm_eps = options.norm_eps,
               .tied_head = options.tied_head,
               .init_std = options.init_std,
               .rope_scaling = {}};
  // LLaMA's 8/3 of dim, rounded up to a multiple that suits vector units
  if (s.ffn_dim == 0) s.ffn_dim = ((8 * s.dim + 2) / 3 + 31) / 32 * 32;
  if (const std::string fault = shape_fault(s); !fault.empty()) {
    refuse(fault, "mend the named field of model:, or take a model's shape with model.from");
  }
  if (s.vocab_size < tokenizer_vocab_size) {
    refuse(fmt::format("vocab_size {} is smaller than the tokenizer's {} pieces", s.vocab_size,
                       tokenizer_vocab_size),
           "leave model.vocab_size at 0 to take the tokenizer's");
  }
  return s;
}

std::vector<float> rotary_inverse_frequencies(const ModelShape& s) {
  const std::int64_t pairs = s.head_dim / 2;
  const RopeScaling& r = s.rope_scaling;
  std::vector<float> frequencies(static_cast<std::size_t>(pairs));
  for (std::int64_t i = 0; i < pairs; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(s.head_dim);
    // the power in double, then rounded: within one unit in the last place of torch's own powf
    const float power = static_cast<float>(std::pow(s.rope_theta, static_cast<double>(exponent)));
    float f = 1.0f / power;
    if (r.type == RopeScaling::Type::kLlama3) {
      const auto original = static_cast<double>(r.original_max_positions);
      const double wavelength = 2 * 3.14159265358979323846 / static_cast<double>(f);
      const double low = original / r.low_freq_factor, high = original / r.high_freq_factor;
      if (wavelength > low) {
        f = static_cast<float>(f / r.factor);
      } else if (wavelength >= high) {
        const double smooth =
            (original / wavelength - r.low_freq_factor) / (r.high_freq_factor - r.low_freq_factor);
        f = static_cast<float>((1 - smooth) * f / r.factor + smooth * f);
      }
    }
    frequencies[static_cast<std::size_t>(i)] = f;
  }
  return frequencies;
}

}  // namespace anneal
