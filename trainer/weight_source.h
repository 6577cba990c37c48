// One way in for weights: whatever `model.from` or `--model` names, as named tensors and a shape.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "trainer/hf_config.h"
#include "trainer/peft_adapter.h"

namespace anneal {

enum class WeightKind {
  kHfFolder,  ///< config.json + safetensors; or a run folder that holds one in model/
  kLlama2c,   ///< a llama2.c .bin file
  kAdapter,   ///< a PEFT adapter and its base, merged on reading; or a run folder with adapter/
};

/// Weights that can be read by name. Copyable; files stay mapped as long as a copy lives.
struct WeightSource {
  WeightKind kind = WeightKind::kHfFolder;
  std::filesystem::path path;  ///< what holds the weights: model/ of a run, the .bin, the adapter
  HfConfig config;             ///< shape, stored element type, special ids where known
  std::filesystem::path tokenizer;  ///< tokenizer file beside the weights, "" if there is none
  /// The adapter of kAdapter (its base is `base_path`).
  std::shared_ptr<const PeftAdapter> adapter;
  std::filesystem::path base_path;
  /// How tensor() reads; without a type: as stored.
  using Reader = std::function<at::Tensor(const std::string&, std::optional<at::ScalarType>)>;
  Reader read;

  const ModelShape& shape() const { return config.shape; }
  /// All parameters' names in the order of the forward pass.
  std::vector<std::string> names() const;
  /// A weight in `dtype`, or as stored for std::nullopt. A view of the file where possible: clone
  /// before keeping it for training. Throws DataError.
  at::Tensor tensor(const std::string& name,
                    std::optional<at::ScalarType> dtype = at::kFloat) const;
  /// One line: kind, path and shape.
  std::string describe() const;
};

/// Recognises and opens: a Hugging Face folder, a run folder of ours (model/, or adapter/ with its
/// base), a PEFT adapter folder (base_model_name_or_path relative to the current folder or to the
/// adapter's; the base may be an adapter again), a llama2.c .bin. Throws DataError saying what was
/// looked for and what is there.
WeightSource open_weights(const std::filesystem::path& path);

/// The same with an adapter of another place laid over it (`--adapter`).
WeightSource open_weights_with_adapter(const std::filesystem::path& base,
                                       const std::filesystem::path& adapter);

}  // namespace anneal
