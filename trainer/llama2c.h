// The llama2.c checkpoint, version 0 (github.com/karpathy/llama2.c, export.py `legacy_export`):
// seven little-endian int32 (dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len; a
// negative vocab_size marks an untied head), then float32 tensors, those of one kind together over
// all layers. Its rotary pairs are neighbours (2i, 2i+1); ours are halves (i, i + head_dim/2): the
// rows of q and k are permuted on reading and back on writing.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "trainer/model_shape.h"
#include "trainer/safetensors.h"

namespace anneal {

/// Rows of a q or k projection [heads * head_dim, dim] from neighbouring rotary pairs to halves
/// (Meta to Hugging Face), and back.
at::Tensor rotary_pairs_to_halves(const at::Tensor& weight, std::int64_t heads);
at::Tensor rotary_halves_to_pairs(const at::Tensor& weight, std::int64_t heads);

/// An open .bin file. Copyable; the file stays mapped.
class Llama2cFile {
 public:
  /// True if the first 28 bytes could be such a header and the size of the file fits it.
  static bool recognises(const std::filesystem::path& path);
  /// Reads the header and checks the file's size against it. Throws DataError.
  static Llama2cFile open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const ModelShape& shape() const { return shape_; }
  /// A parameter by its Hugging Face name, float32, in the Hugging Face rotary convention.
  at::Tensor tensor(const std::string& name) const;
  /// Its tokenizer, if one lies beside it: tok<vocab_size>.bin, tokenizer.bin or tokenizer.model.
  std::filesystem::path tokenizer() const;

 private:
  std::filesystem::path path_;
  ModelShape shape_;
  std::shared_ptr<MappedFile> file_;
};

/// Writes such a file; atomic. Throws DataError if the shape has no place in the format (other
/// rotary settings, norm_eps other than 1e-5, head_dim other than dim / heads).
void write_llama2c(const std::filesystem::path& path, const ModelShape& shape,
                   const TensorProvider& provider);

}  // namespace anneal
