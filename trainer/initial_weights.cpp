#include "trainer/initial_weights.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/files.h"
#include "base/fingerprint.h"
#include "data/prepare.h"

namespace anneal {

namespace {

ParameterFiller weights_of(const WeightSource& source) {
  return [source](const ParameterSlot& slot, std::int64_t begin, std::int64_t count, float* to) {
    const at::Tensor stored = source.tensor(slot.name).contiguous();
    const float* from = stored.const_data_ptr<float>();
    const std::int64_t there = stored.numel();
    const std::int64_t copied = std::clamp<std::int64_t>(there - begin, 0, count);
    std::memcpy(to, from + begin, copied * sizeof(float));
    if (copied == count) return;
    // Rows of added tokens.
    const at::Tensor mean_D = stored.to(at::kDouble).mean(0).to(at::kFloat);
    const std::int64_t width = mean_D.numel();
    for (std::int64_t i = copied; i < count; ++i) {
      to[i] = mean_D.const_data_ptr<float>()[(begin + i) % width];
    }
  };
}

}  // namespace

Tokenizer tokenizer_for(const Recipe& recipe) {
  if (!recipe.tokenizer.path.empty() || recipe.model.from.empty()) return recipe_tokenizer(recipe);
  const WeightSource source = open_weights(recipe.model.from);
  if (source.tokenizer.empty()) return recipe_tokenizer(recipe);
  return Tokenizer::load(source.tokenizer);
}

InitialWeights initial_weights(const Recipe& recipe, std::int64_t tokenizer_vocab_size) {
  InitialWeights result;
  const auto seed = static_cast<std::uint64_t>(recipe.run.seed);
  if (recipe.model.from.empty()) {
    result.shape = shape_from_options(recipe.model, tokenizer_vocab_size);
    result.base = fresh_weights(result.shape, seed);
    return result;
  }
  WeightSource source = open_weights(recipe.model.from);
  result.shape = source.shape();
  if (recipe.model.vocab_size > 0) {
    if (recipe.model.vocab_size < result.shape.vocab_size) {
      throw UsageError(fmt::format("model.vocab_size {} is smaller than the {} of {}",
                                   recipe.model.vocab_size, result.shape.vocab_size,
                                   recipe.model.from),
                       "leave it out, or give a larger one to add tokens");
    }
    result.shape.vocab_size = recipe.model.vocab_size;
  }
  if (tokenizer_vocab_size > result.shape.vocab_size) {
    throw DataError(
        fmt::format("the tokenizer has {} pieces, the model {} only holds {}", tokenizer_vocab_size,
                    recipe.model.from, result.shape.vocab_size),
        "use the model's own tokenizer, or set model.vocab_size to add tokens");
  }
  result.shape.init_std = recipe.model.init_std;
  result.base = recipe.model.untrained ? fresh_weights(result.shape, seed) : weights_of(source);
  result.source = std::move(source);
  return result;
}

void check_tokenizer_of_model(const Recipe& recipe, const InitialWeights& start,
                              const Tokenizer& tokenizer) {
  if (!start.source || recipe.model.untrained || start.source->tokenizer.empty()) return;
  if (start.shape.vocab_size > start.source->shape().vocab_size) return;
  if (Tokenizer::load(start.source->tokenizer).fingerprint() == tokenizer.fingerprint()) return;
  throw DataError(
      fmt::format("the tokenizer of the token shards ({} pieces) is not that of the model {} ({})",
                  tokenizer.vocab_size(), recipe.model.from, start.source->tokenizer.string()),
      "leave tokenizer.path empty to use the model's own, or set model.vocab_size to give the model a "
      "larger vocabulary");
}

std::string weights_fingerprint(const WeightSource& source) {
  std::string all;
  for (const auto& path : {source.path, source.base_path}) {
    if (path.empty()) continue;
    for (const auto& file : expand_paths(path.string())) {
      if (file.extension() == ".safetensors" || file.extension() == ".bin") all += fingerprint_file(file);
    }
  }
  return fingerprint(all);
}

double flops_per_token(const ModelShape& s, std::int64_t length, bool frozen_base) {
  const double q = static_cast<double>(s.heads * s.head_dim), kv = static_cast<double>(s.kv_heads * s.head_dim);
  const double dim = static_cast<double>(s.dim);
  const double matrices =
      static_cast<double>(s.layers) *
          (dim * (2 * q + 2 * kv) + 3 * dim * static_cast<double>(s.ffn_dim)) +
      dim * static_cast<double>(s.vocab_size);
  const double attention = static_cast<double>(s.layers) * 2 * q * static_cast<double>(length) / 2;
  // Forward 2 a weight, backward 4, of which the weight gradients (2) are saved by a frozen base.
  return (frozen_base ? 4 : 6) * matrices + 6 * attention;
}

}  // namespace anneal
