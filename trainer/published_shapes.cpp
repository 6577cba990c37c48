#include "trainer/published_shapes.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <utility>

namespace anneal {

namespace {

ModelShape shape_of(std::int64_t dim, std::int64_t layers, std::int64_t heads, std::int64_t kv_heads,
                    std::int64_t head_dim, std::int64_t ffn_dim, std::int64_t vocab_size, std::int64_t positions,
                    double theta, bool tied) {
  ModelShape shape;
  shape.dim = dim;
  shape.layers = layers;
  shape.heads = heads;
  shape.kv_heads = kv_heads;
  shape.head_dim = head_dim;
  shape.ffn_dim = ffn_dim;
  shape.vocab_size = vocab_size;
  shape.max_positions = positions;
  shape.rope_theta = theta;
  shape.tied_head = tied;
  return shape;
}

const std::array<std::pair<const char*, ModelShape>, 8>& published() {
  static const std::array<std::pair<const char*, ModelShape>, 8> all = {{
      {"llama-2-7b", shape_of(4096, 32, 32, 32, 128, 11008, 32000, 4096, 1e4, false)},
      {"llama-2-13b", shape_of(5120, 40, 40, 40, 128, 13824, 32000, 4096, 1e4, false)},
      {"llama-2-70b", shape_of(8192, 80, 64, 8, 128, 28672, 32000, 4096, 1e4, false)},
      {"llama-3-8b", shape_of(4096, 32, 32, 8, 128, 14336, 128256, 8192, 5e5, false)},
      {"llama-3-70b", shape_of(8192, 80, 64, 8, 128, 28672, 128256, 8192, 5e5, false)},
      {"llama-3.1-8b", shape_of(4096, 32, 32, 8, 128, 14336, 128256, 131072, 5e5, false)},
      {"llama-3.2-1b", shape_of(2048, 16, 32, 8, 64, 8192, 128256, 131072, 5e5, true)},
      {"llama-3.2-3b", shape_of(3072, 28, 24, 8, 128, 8192, 128256, 131072, 5e5, true)},
  }};
  return all;
}

}  // namespace

std::optional<ModelShape> published_shape(const std::string& path) {
  std::string name = std::filesystem::path(path).lexically_normal().filename().string();
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  if (name.starts_with("meta-")) name.erase(0, 5);
  for (const char* ending : {"-hf", "-instruct", "-base"}) {
    if (name.ends_with(ending)) name.erase(name.size() - std::string(ending).size());
  }
  for (const auto& [known, shape] : published()) {
    if (name == known) return shape;
  }
  return std::nullopt;
}

std::string published_names() {
  std::string names;
  for (const auto& [name, shape] : published()) names += (names.empty() ? "" : ", ") + std::string(name);
  return names;
}

}  // namespace anneal
