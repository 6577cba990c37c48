#include "trainer/llama2c.h"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "trainer/tensor_file.h"

namespace anneal {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kHeaderBytes = 7 * sizeof(std::int32_t);
using Header = std::array<std::int32_t, 7>;

/// One kind of tensor: all layers' one after another, or a single one.
struct Part {
  std::string name;  ///< of the parameter within its layer, or in full; "" = a rotary table
  std::vector<std::int64_t> shape;
  bool per_layer = false;
  std::int64_t rotary_heads = 0;  ///< heads to permute; 0 = none
};

/// The file's tensors in order.
std::vector<Part> parts(const ModelShape& s) {
  const std::int64_t q = s.heads * s.head_dim, kv = s.kv_heads * s.head_dim;
  std::vector<Part> list = {
      {"model.embed_tokens.weight", {s.vocab_size, s.dim}},
      {"input_layernorm.weight", {s.dim}, true},
      {"self_attn.q_proj.weight", {q, s.dim}, true, s.heads},
      {"self_attn.k_proj.weight", {kv, s.dim}, true, s.kv_heads},
      {"self_attn.v_proj.weight", {kv, s.dim}, true},
      {"self_attn.o_proj.weight", {s.dim, q}, true},
      {"post_attention_layernorm.weight", {s.dim}, true},
      {"mlp.gate_proj.weight", {s.ffn_dim, s.dim}, true},  // w1
      {"mlp.down_proj.weight", {s.dim, s.ffn_dim}, true},  // w2
      {"mlp.up_proj.weight", {s.ffn_dim, s.dim}, true},    // w3
      {"model.norm.weight", {s.dim}},
      {"", {2, s.max_positions, s.head_dim / 2}},  // cosines, then sines; recomputed by readers
  };
  if (!s.tied_head) list.push_back({"lm_head.weight", {s.vocab_size, s.dim}});
  return list;
}

std::uint64_t count(const Part& part) {
  std::uint64_t elements = 1;
  for (const auto size : part.shape) elements *= static_cast<std::uint64_t>(size);
  return elements;
}

std::uint64_t expected_bytes(const ModelShape& s) {
  std::uint64_t elements = 0;
  for (const auto& part : parts(s)) {
    elements += count(part) * static_cast<std::uint64_t>(part.per_layer ? s.layers : 1);
  }
  return kHeaderBytes + elements * sizeof(float);
}

ModelShape shape_from_header(const Header& h) {
  ModelShape s{.dim = h[0],
               .layers = h[2],
               .heads = h[3],
               .kv_heads = h[4],
               .ffn_dim = h[1],
               .vocab_size = std::abs(static_cast<std::int64_t>(h[5])),
               .max_positions = h[6],
               .rope_scaling = {}};
  s.head_dim = s.heads > 0 && s.dim % s.heads == 0 ? s.dim / s.heads : 0;
  s.tied_head = h[5] > 0;
  return s;
}

/// The rotary table as llama2.c's model.py computes it (float32, step by step).
at::Tensor rotary_table(const ModelShape& s) {
  const auto f32 = at::TensorOptions().dtype(at::kFloat);
  const at::Tensor exponents = at::arange(0, s.head_dim, 2, f32) / static_cast<double>(s.head_dim);
  const at::Tensor frequencies = at::reciprocal(at::pow(at::Scalar(s.rope_theta), exponents));
  const at::Tensor angles = at::outer(at::arange(s.max_positions, f32), frequencies);
  return at::stack({at::cos(angles), at::sin(angles)});
}

}  // namespace

at::Tensor rotary_pairs_to_halves(const at::Tensor& weight, std::int64_t heads) {
  const std::int64_t rows = weight.size(0), columns = weight.size(1);
  return weight.view({heads, rows / heads / 2, 2, columns})
      .transpose(1, 2)
      .reshape({rows, columns});
}

at::Tensor rotary_halves_to_pairs(const at::Tensor& weight, std::int64_t heads) {
  const std::int64_t rows = weight.size(0), columns = weight.size(1);
  return weight.reshape({heads, 2, rows / heads / 2, columns})
      .transpose(1, 2)
      .reshape({rows, columns});
}

bool Llama2cFile::recognises(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error) || fs::file_size(path, error) <= kHeaderBytes) return false;
  const auto file = MappedFile::open(path);
  Header header;
  std::memcpy(header.data(), file->data(), kHeaderBytes);
  const ModelShape shape = shape_from_header(header);
  return shape_fault(shape).empty() && expected_bytes(shape) == file->size();
}

Llama2cFile Llama2cFile::open(const fs::path& path) {
  Llama2cFile result;
  result.path_ = path;
  result.file_ = MappedFile::open(path);
  const std::uint64_t size = result.file_->size();
  if (size < kHeaderBytes) {
    throw DataError(fmt::format("{} is no llama2.c checkpoint: {} bytes, its header alone takes {}",
                                path.string(), size, kHeaderBytes),
                    "the file is damaged or was cut off; copy or download it again");
  }
  Header header;
  std::memcpy(header.data(), result.file_->data(), kHeaderBytes);
  result.shape_ = shape_from_header(header);
  if (const std::string fault = shape_fault(result.shape_); !fault.empty()) {
    throw DataError(
        fmt::format("{} is no llama2.c checkpoint (version 0): its header says {}, so {}",
                    path.string(),
                    fmt::format("{} {} {} {} {} {} {}", header[0], header[1], header[2], header[3],
                                header[4], header[5], header[6]),
                    fault),
        "versions 1 and 2 of the format (magic \"ak42\") and quantised files are not read");
  }
  if (const std::uint64_t expected = expected_bytes(result.shape_); size != expected) {
    throw DataError(fmt::format("{} has {} bytes, expected {} for {}", path.string(), size,
                                expected, result.shape_.describe()),
                    size < expected ? "the file was cut off; copy or download it again"
                                    : "the file is damaged, or is not a llama2.c checkpoint");
  }
  return result;
}

at::Tensor Llama2cFile::tensor(const std::string& name) const {
  std::uint64_t offset = kHeaderBytes;
  for (const auto& part : parts(shape_)) {
    for (std::int64_t layer = 0; layer < (part.per_layer ? shape_.layers : 1); ++layer) {
      if (!part.name.empty() &&
          name == (part.per_layer ? layer_name(layer, part.name) : part.name)) {
        const at::Tensor stored = mapped_tensor(file_, offset, part.shape, at::kFloat);
        return part.rotary_heads > 0 ? rotary_pairs_to_halves(stored, part.rotary_heads) : stored;
      }
      offset += count(part) * sizeof(float);
    }
  }
  throw DataError(fmt::format("{} holds no tensor \"{}\"", path_.string(), name));
}

fs::path Llama2cFile::tokenizer() const {
  const std::string own = fmt::format("tok{}.bin", shape_.vocab_size);
  for (const std::string& name :
       {own, std::string("tokenizer.bin"), std::string("tokenizer.model")}) {
    const fs::path candidate = path_.parent_path() / name;
    std::error_code ignored;
    if (fs::is_regular_file(candidate, ignored)) return candidate;
  }
  return {};
}

void write_llama2c(const fs::path& path, const ModelShape& s, const TensorProvider& provider) {
  const auto refuse = [&](const std::string& what) {
    throw DataError(fmt::format("cannot write {} in llama2.c's format: {}", path.string(), what),
                    "write a Hugging Face folder instead");
  };
  if (const std::string fault = shape_fault(s); !fault.empty()) refuse(fault);
  if (s.rope_scaling != RopeScaling{}) refuse("it has no place for stretched rotary positions");
  if (s.rope_theta != 10000.0)
    refuse(fmt::format("rope_theta is {}, it implies 10000", s.rope_theta));
  if (s.norm_eps != 1e-5) refuse(fmt::format("norm_eps is {}, it implies 1e-5", s.norm_eps));
  if (s.head_dim * s.heads != s.dim) {
    refuse(fmt::format("head_dim {} x heads {} is not dim {}", s.head_dim, s.heads, s.dim));
  }
  if (s.max_positions > std::numeric_limits<std::int32_t>::max()) refuse("too many positions");
  const Header header = {static_cast<std::int32_t>(s.dim),
                         static_cast<std::int32_t>(s.ffn_dim),
                         static_cast<std::int32_t>(s.layers),
                         static_cast<std::int32_t>(s.heads),
                         static_cast<std::int32_t>(s.kv_heads),
                         static_cast<std::int32_t>(s.tied_head ? s.vocab_size : -s.vocab_size),
                         static_cast<std::int32_t>(s.max_positions)};
  AtomicFile file(path);
  file.write(header.data(), kHeaderBytes);
  for (const auto& part : parts(s)) {
    if (part.name.empty()) {
      write_tensor(file, rotary_table(s));
      continue;
    }
    for (std::int64_t layer = 0; layer < (part.per_layer ? s.layers : 1); ++layer) {
      const std::string name = part.per_layer ? layer_name(layer, part.name) : part.name;
      at::Tensor tensor = provider(name).detach().to(at::kCPU, at::kFloat);
      if (tensor.sizes() != at::IntArrayRef(part.shape)) {
        refuse(fmt::format("tensor \"{}\" has the shape {}, expected {}", name,
                           shape_text(tensor.sizes().vec()), shape_text(part.shape)));
      }
      if (part.rotary_heads > 0) tensor = rotary_halves_to_pairs(tensor, part.rotary_heads);
      write_tensor(file, tensor);
    }
  }
  file.commit();
}

}  // namespace anneal
