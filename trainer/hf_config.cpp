#include "trainer/hf_config.h"

#include "base/error.h"
#include "trainer/json_fields.h"

namespace anneal {
namespace {

constexpr const char* kSupported =
    "this program computes LlamaForCausalLM (LLaMA 1 to 3 and models of the same architecture)";

void check_architecture(const JsonFields& fields) {
  const std::string type = fields.text("model_type", "(absent)");
  std::string architecture;
  if (fields.has("architectures") && fields.at("architectures").is_array() &&
      !fields.at("architectures").empty() && fields.at("architectures")[0].is_string()) {
    architecture = fields.at("architectures")[0].get<std::string>();
  }
  if (type != "llama" || (!architecture.empty() && architecture != "LlamaForCausalLM")) {
    throw DataError(
        fmt::format("{}: model_type is \"{}\", architecture \"{}\"; expected \"llama\", "
                    "\"LlamaForCausalLM\"",
                    fields.file().string(), type, architecture),
        kSupported);
  }
  for (const char* key : {"attention_bias", "mlp_bias"}) {
    if (fields.boolean(key, false)) {
      throw DataError(fmt::format("{}: {} is true, expected false: biases are not supported",
                                  fields.file().string(), key),
                      kSupported);
    }
  }
  if (const auto act = fields.text("hidden_act", "silu"); act != "silu") {
    throw DataError(
        fmt::format("{}: hidden_act is \"{}\", expected \"silu\"", fields.file().string(), act),
        kSupported);
  }
  if (fields.has("quantization_config")) {
    throw DataError(fmt::format("{}: the weights are quantised (quantization_config), expected "
                                "float32, float16 or bfloat16",
                                fields.file().string()),
                    "take the unquantised model");
  }
}

RopeScaling parse_rope_scaling(const JsonFields& rope) {
  // "type" is the older spelling of "rope_type"
  const std::string type = rope.text("rope_type", rope.text("type", "default"));
  RopeScaling scaling;
  if (type == "default") return scaling;
  if (type != "llama3") {
    throw DataError(fmt::format("{}: the rope type is \"{}\", expected \"default\" or \"llama3\"",
                                rope.file().string(), type),
                    "models with other stretched rotary positions are not supported");
  }
  scaling.type = RopeScaling::Type::kLlama3;
  scaling.factor = rope.number("factor");
  scaling.low_freq_factor = rope.number("low_freq_factor");
  scaling.high_freq_factor = rope.number("high_freq_factor");
  scaling.original_max_positions = rope.integer("original_max_position_embeddings");
  return scaling;
}

void parse_rope(const JsonFields& fields, ModelShape& shape) {
  shape.rope_theta = fields.number("rope_theta", 10000.0);
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    if (!fields.has(key)) continue;
    const JsonFields rope = fields.object(key);
    shape.rope_theta = rope.number("rope_theta", shape.rope_theta);
    shape.rope_scaling = parse_rope_scaling(rope);
  }
}

std::vector<std::int64_t> parse_ids(const JsonFields& fields, const std::string& key) {
  if (!fields.has(key)) return {};
  const auto& value = fields.at(key);
  if (value.is_number_integer()) return {value.get<std::int64_t>()};
  if (!value.is_array()) fields.refuse(key, "an integer or a list of integers", value);
  std::vector<std::int64_t> ids;
  for (const auto& id : value) {
    if (!id.is_number_integer()) fields.refuse(key, "a list of integers", value);
    ids.push_back(id.get<std::int64_t>());
  }
  return ids;
}

HfConfig parse(const OrderedJson& json, const std::filesystem::path& file) {
  const JsonFields fields(json, file);
  check_architecture(fields);
  HfConfig config;
  ModelShape& s = config.shape;
  s.dim = fields.integer("hidden_size");
  s.layers = fields.integer("num_hidden_layers");
  s.heads = fields.integer("num_attention_heads");
  s.kv_heads = fields.integer("num_key_value_heads", s.heads);
  if (!fields.has("head_dim") && (s.heads < 1 || s.dim % s.heads != 0)) {
    throw DataError(
        fmt::format("{}: hidden_size {} is not a multiple of num_attention_heads {}, "
                    "and there is no head_dim",
                    file.string(), s.dim, s.heads));
  }
  s.head_dim = fields.has("head_dim") ? fields.integer("head_dim") : s.dim / s.heads;
  s.ffn_dim = fields.integer("intermediate_size");
  s.vocab_size = fields.integer("vocab_size");
  // the defaults of transformers' LlamaConfig, where a file leaves a field out
  s.max_positions = fields.integer("max_position_embeddings", 2048);
  s.norm_eps = fields.number("rms_norm_eps", 1e-6);
  s.tied_head = fields.boolean("tie_word_embeddings", false);
  s.init_std = fields.number("initializer_range", 0.02);
  parse_rope(fields, s);
  if (const std::string fault = shape_fault(s); !fault.empty()) {
    throw DataError(fmt::format("{}: {}", file.string(), fault));
  }
  config.dtype = fields.text("dtype", fields.text("torch_dtype", "float32"));
  if (config.dtype != "float32" && config.dtype != "float16" && config.dtype != "bfloat16") {
    throw DataError(fmt::format("{}: the dtype is \"{}\", expected float32, float16 or bfloat16",
                                file.string(), config.dtype));
  }
  if (const auto ids = parse_ids(fields, "bos_token_id"); !ids.empty()) config.bos_id = ids[0];
  if (const auto ids = parse_ids(fields, "pad_token_id"); !ids.empty()) config.pad_id = ids[0];
  config.eos_ids = parse_ids(fields, "eos_token_id");
  return config;
}

/// Writes the rotary settings in the spelling that `json` already uses; else in that of
/// transformers 4, which 5 reads too.
void put_rope(OrderedJson& json, const ModelShape& s) {
  const bool new_spelling = json.contains("rope_parameters") && json["rope_parameters"].is_object();
  OrderedJson rope = OrderedJson::object();
  if (s.rope_scaling.type == RopeScaling::Type::kLlama3) {
    rope = {{"rope_type", "llama3"},
            {"factor", s.rope_scaling.factor},
            {"low_freq_factor", s.rope_scaling.low_freq_factor},
            {"high_freq_factor", s.rope_scaling.high_freq_factor},
            {"original_max_position_embeddings", s.rope_scaling.original_max_positions}};
  }
  if (new_spelling) {
    if (rope.empty()) rope["rope_type"] = "default";
    rope["rope_theta"] = s.rope_theta;
    json["rope_parameters"] = rope;
    json.erase("rope_theta");
    json.erase("rope_scaling");
  } else {
    json["rope_theta"] = s.rope_theta;
    json["rope_scaling"] = rope.empty() ? OrderedJson(nullptr) : rope;
  }
}

}  // namespace

HfConfig parse_hf_config(const std::string& text, const std::filesystem::path& file) {
  HfConfig config = parse(parse_json_object(text, file), file);
  config.original_text = text;
  return config;
}

std::string hf_config_text(const HfConfig& config) {
  OrderedJson json = OrderedJson::object();
  if (!config.original_text.empty()) {
    json = parse_json_object(config.original_text, "config.json");
    if (parse(json, "config.json").same_meaning(config)) return config.original_text;
  }
  const ModelShape& s = config.shape;
  json["architectures"] = {"LlamaForCausalLM"};
  json["model_type"] = "llama";
  json["vocab_size"] = s.vocab_size;
  json["hidden_size"] = s.dim;
  json["intermediate_size"] = s.ffn_dim;
  json["num_hidden_layers"] = s.layers;
  json["num_attention_heads"] = s.heads;
  json["num_key_value_heads"] = s.kv_heads;
  json["head_dim"] = s.head_dim;
  json["hidden_act"] = "silu";
  json["max_position_embeddings"] = s.max_positions;
  json["rms_norm_eps"] = s.norm_eps;
  json["initializer_range"] = s.init_std;
  json["tie_word_embeddings"] = s.tied_head;
  json["attention_bias"] = false;
  json["mlp_bias"] = false;
  put_rope(json, s);
  const auto id = [](const std::optional<std::int64_t>& value) {
    return value ? OrderedJson(*value) : OrderedJson(nullptr);
  };
  json["bos_token_id"] = id(config.bos_id);
  json["pad_token_id"] = id(config.pad_id);
  json["eos_token_id"] = config.eos_ids.empty()       ? OrderedJson(nullptr)
                         : config.eos_ids.size() == 1 ? OrderedJson(config.eos_ids[0])
                                                      : OrderedJson(config.eos_ids);
  json["use_cache"] = json.value("use_cache", true);
  json.erase(json.contains("dtype") ? "torch_dtype" : "dtype");
  json[json.contains("dtype") ? "dtype" : "torch_dtype"] = config.dtype;
  return json.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

}  // namespace anneal
