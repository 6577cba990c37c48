// A Hugging Face LLaMA folder: config.json, model.safetensors (or several files and their index)
// and tokenizer files, read and written. Reading a folder and writing it back gives the same
// tensors bit for bit and the same config.json.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "trainer/hf_config.h"
#include "trainer/safetensors.h"

namespace anneal {

/// "float32", "float16", "bfloat16" to the element type and back. Throws DataError.
at::ScalarType dtype_from_name(const std::string& name);
std::string dtype_name(at::ScalarType dtype);

/// An open folder. Copyable; the tensors are views of the mapped files.
class HfFolder {
 public:
  /// Reads config.json, maps the files and checks every tensor's presence, shape and element type
  /// against the configuration. Tensors that no LLaMA has are refused, but for the rotary tables of
  /// old files and a head beside a tied embedding that equals it. Throws DataError, listing
  /// all that is wrong.
  static HfFolder open(const std::filesystem::path& folder);

  const std::filesystem::path& path() const { return path_; }
  const HfConfig& config() const { return config_; }
  const ModelShape& shape() const { return config_.shape; }
  /// The parameters' names, in the order of the forward pass (parameter_specs).
  std::vector<std::string> names() const;
  /// A parameter in its stored element type (a view of the file, copy-on-write).
  at::Tensor tensor(const std::string& name) const { return tensors_.tensor(name); }
  const SafetensorsFolder& tensors() const { return tensors_; }

 private:
  std::filesystem::path path_;
  HfConfig config_;
  SafetensorsFolder tensors_;
};

struct HfWriteOptions {
  /// Element type of all weights; absent: each as the provider gives it (asked twice a tensor
  /// then).
  std::optional<at::ScalarType> dtype;
  /// Folder whose tokenizer files are copied; "" = none.
  std::filesystem::path tokenizer_from;
  /// Weights beyond this go into several files with an index.
  std::uint64_t max_file_bytes = 5'000'000'000;
};

/// Writes a folder that transformers loads. `provider` gives the weights by Hugging Face names, in
/// the order of the file. config.json comes last, so that an interrupted folder is not taken for
/// whole; an old one is removed first. Throws DataError.
void write_hf_folder(const std::filesystem::path& folder, HfConfig config,
                     const TensorProvider& provider, const HfWriteOptions& options = {});

/// Copies the tokenizer and generation files that `from` has. Returns their names.
std::vector<std::string> copy_tokenizer_files(const std::filesystem::path& from,
                                              const std::filesystem::path& to);

}  // namespace anneal
