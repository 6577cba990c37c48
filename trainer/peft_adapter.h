// PEFT's LoRA adapter folder: adapter_config.json and adapter_model.safetensors, read and written
// so that PEFT and this program can use each other's. LoRA (Hu et al. 2021, arXiv 2106.09685, eq.
// 3): h = W x + scaling * B A x with A [r, in], B [out, r], scaling = alpha / r.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "trainer/model_shape.h"
#include "trainer/safetensors.h"

namespace anneal {

/// adapter_config.json.
struct PeftConfig {
  std::int64_t r = 8;
  double alpha = 8;
  double dropout = 0;
  std::vector<std::string> targets;  ///< "q_proj"...; empty if the file gives a pattern instead
  std::string base;                  ///< base_model_name_or_path as written, "" if absent
  bool rslora = false;               ///< scaling = alpha / sqrt(r) (Kalajdzievski 2023)
  std::string original_text;         ///< the file this was read from; "" if it was not read
  double scaling() const;
  bool same_meaning(const PeftConfig& other) const;
};

/// The two factors of one adapted matrix.
struct LoraPair {
  at::Tensor a;  ///< [r, in]
  at::Tensor b;  ///< [out, r]
};

struct PeftAdapter {
  PeftConfig config;
  /// By module: "model.layers.0.self_attn.q_proj" (the parameter's name without ".weight").
  std::map<std::string, LoraPair> pairs;
};

/// True if `folder` holds adapter_config.json.
bool is_peft_folder(const std::filesystem::path& folder);

/// The configuration alone. Throws DataError for what this program cannot compute (DoRA, trained
/// biases or whole modules, rank patterns, another method than LoRA).
PeftConfig read_peft_config(const std::filesystem::path& folder);

/// Reads a folder; the tensors are views of the mapped file. Throws DataError.
PeftAdapter read_peft_adapter(const std::filesystem::path& folder);

/// Checks every pair against the base's shape: known module, A [r, in], B [out, r], and that each
/// target has its pair in each layer (`source` is for messages). Throws DataError listing the
/// faults.
void check_peft_adapter(const PeftAdapter& adapter, const ModelShape& shape,
                        const std::filesystem::path& source);

/// The modules that `targets` name in a model of this shape, in the order of the forward pass.
std::vector<std::string> lora_modules(const ModelShape& shape,
                                      const std::vector<std::string>& targets);

/// Writes a folder that PEFT loads; the configuration comes last. Throws DataError.
void write_peft_adapter(const std::filesystem::path& folder, const PeftAdapter& adapter);

/// W + scaling * B A, computed in float32, in W's element type.
at::Tensor merge_lora(const at::Tensor& weight, const LoraPair& pair, double scaling);

}  // namespace anneal
