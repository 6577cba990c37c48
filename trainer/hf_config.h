// Hugging Face config.json of a LlamaForCausalLM, read and written. What this program does not
// know is kept: an unchanged configuration is written back as the text that was read, a changed one
// has only the changed fields replaced. Both spellings are read: rope_theta / rope_scaling /
// torch_dtype (transformers 4) and rope_parameters / dtype (transformers 5).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "trainer/model_shape.h"

namespace anneal {

struct HfConfig {
  ModelShape shape;
  std::string dtype = "float32";  ///< float32, float16 or bfloat16: what the weights are stored in
  std::optional<std::int64_t> bos_id;
  std::vector<std::int64_t> eos_ids;  ///< Llama 3 has several
  std::optional<std::int64_t> pad_id;
  std::string original_text;  ///< the config.json this was read from; "" if it was not read
  /// Equal in meaning (the original text is not compared).
  bool same_meaning(const HfConfig& other) const {
    return shape == other.shape && dtype == other.dtype && bos_id == other.bos_id &&
           eos_ids == other.eos_ids && pad_id == other.pad_id;
  }
};

/// Reads config.json's text; `file` is for messages. Throws DataError for what this program cannot
/// compute: another model_type, biases, another activation, an unknown rope type.
HfConfig parse_hf_config(const std::string& text, const std::filesystem::path& file);

/// The text to write for `config`. parse_hf_config(hf_config_text(c)) means the same as c.
std::string hf_config_text(const HfConfig& config);

}  // namespace anneal
