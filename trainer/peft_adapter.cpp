#include "trainer/peft_adapter.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/files.h"
#include "trainer/json_fields.h"

namespace anneal {
namespace fs = std::filesystem;
namespace {

constexpr const char* kPrefix = "base_model.model.";
constexpr const char* kSuffixA = ".lora_A.weight";
constexpr const char* kSuffixB = ".lora_B.weight";

PeftConfig parse(const std::string& text, const fs::path& file) {
  const OrderedJson json = parse_json_object(text, file);
  const JsonFields fields(json, file);
  const auto refuse = [&](const std::string& what) {
    throw DataError(fmt::format("{}: {}", file.string(), what),
                    "plain LoRA adapters of linear layers are supported");
  };
  if (const auto type = fields.text("peft_type", "(absent)"); type != "LORA") {
    refuse(fmt::format("peft_type is \"{}\", expected \"LORA\"", type));
  }
  for (const char* key : {"use_dora", "lora_bias", "fan_in_fan_out", "use_qalora"}) {
    if (fields.boolean(key, false)) refuse(fmt::format("{} is true, expected false", key));
  }
  // These take part of the base into the adapter, which PEFT takes off the base again when it loads one.
  if (fields.has("init_lora_weights") && fields.at("init_lora_weights").is_string()) {
    const auto start = fields.text("init_lora_weights", "");
    for (const char* changes_base : {"pissa", "olora", "corda", "loftq", "lora_ga"}) {
      if (start.starts_with(changes_base)) {
        refuse(fmt::format("init_lora_weights is \"{}\", which changes the base's weights too", start));
      }
    }
  }
  if (const auto bias = fields.text("bias", "none"); bias != "none") {
    refuse(fmt::format("bias is \"{}\", expected \"none\"", bias));
  }
  // each of these, if set, changes what the adapter computes
  for (const char* key : {"rank_pattern", "alpha_pattern", "modules_to_save", "layer_replication",
                          "target_parameters", "trainable_token_indices", "use_bdlora"}) {
    if (fields.has(key) && !fields.at(key).empty() && fields.at(key) != OrderedJson(false)) {
      refuse(fmt::format("{} is {}, expected nothing", key, json_excerpt(fields.at(key))));
    }
  }
  PeftConfig config;
  config.r = fields.integer("r");
  config.alpha = fields.number("lora_alpha");
  config.dropout = fields.number("lora_dropout", 0);
  config.rslora = fields.boolean("use_rslora", false);
  config.base = fields.text("base_model_name_or_path", "");
  if (config.r < 1 || config.r > (1 << 16)) fields.refuse("r", "1 to 65536", fields.at("r"));
  if (fields.has("target_modules") && fields.at("target_modules").is_array() &&
      !fields.has("layers_to_transform") && !fields.has("exclude_modules")) {
    for (const auto& target : fields.at("target_modules")) {
      if (!target.is_string())
        fields.refuse("target_modules", "names", fields.at("target_modules"));
      config.targets.push_back(target.get<std::string>());
    }
    std::sort(config.targets.begin(), config.targets.end());
  }
  return config;
}

std::string config_text(const PeftConfig& config) {
  OrderedJson json = OrderedJson::object();
  if (!config.original_text.empty()) {
    json = parse_json_object(config.original_text, "adapter_config.json");
    if (parse(config.original_text, "adapter_config.json").same_meaning(config)) {
      return config.original_text;
    }
  }
  json["base_model_name_or_path"] =
      config.base.empty() ? OrderedJson(nullptr) : OrderedJson(config.base);
  json["bias"] = "none";
  json["fan_in_fan_out"] = false;
  json["inference_mode"] = true;
  json["init_lora_weights"] = true;
  // PEFT declares lora_alpha as an integer, but takes any number
  const bool whole = config.alpha == std::floor(config.alpha) && std::abs(config.alpha) < 1e9;
  json["lora_alpha"] =
      whole ? OrderedJson(static_cast<std::int64_t>(config.alpha)) : OrderedJson(config.alpha);
  json["lora_dropout"] = config.dropout;
  json["modules_to_save"] = nullptr;
  json["peft_type"] = "LORA";
  json["r"] = config.r;
  if (!config.targets.empty()) json["target_modules"] = config.targets;
  json["task_type"] = "CAUSAL_LM";
  json["use_dora"] = false;
  json["use_rslora"] = config.rslora;
  return json.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

/// PEFT's rule: a target names a module in full or by its last parts.
bool is_target(const std::string& module, const std::vector<std::string>& targets) {
  return std::any_of(targets.begin(), targets.end(), [&](const std::string& target) {
    return module == target || module.ends_with("." + target);
  });
}

/// Matrices that may be adapted: module name to [out, in].
std::vector<ParameterSpec> linear_modules(const ModelShape& shape) {
  std::vector<ParameterSpec> modules;
  for (auto& spec : parameter_specs(shape)) {
    if (spec.shape.size() != 2 || spec.name == "model.embed_tokens.weight") continue;
    spec.name.resize(spec.name.size() - std::string(".weight").size());
    modules.push_back(std::move(spec));
  }
  return modules;
}

}  // namespace

double PeftConfig::scaling() const {
  const auto rank = static_cast<double>(r);
  return alpha / (rslora ? std::sqrt(rank) : rank);
}

bool PeftConfig::same_meaning(const PeftConfig& other) const {
  return r == other.r && alpha == other.alpha && dropout == other.dropout &&
         targets == other.targets && base == other.base && rslora == other.rslora;
}

bool is_peft_folder(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_regular_file(folder / "adapter_config.json", ignored);
}

PeftConfig read_peft_config(const fs::path& folder) {
  const fs::path file = folder / "adapter_config.json";
  const std::string text = read_file(file);
  PeftConfig config = parse(text, file);
  config.original_text = text;
  return config;
}

PeftAdapter read_peft_adapter(const fs::path& folder) {
  PeftAdapter adapter{.config = read_peft_config(folder), .pairs = {}};
  const fs::path path = folder / "adapter_model.safetensors";
  if (!fs::exists(path) && fs::exists(folder / "adapter_model.bin")) {
    throw DataError(fmt::format("{} holds adapter_model.bin, a pickle, and no "
                                "adapter_model.safetensors",
                                folder.string()),
                    "save it with PEFT again (safe_serialization=True)");
  }
  const SafetensorsFile file = SafetensorsFile::open(path);
  std::string unknown;
  for (const auto& info : file.tensors()) {
    std::string module = info.name;
    const bool is_a = module.ends_with(kSuffixA), is_b = module.ends_with(kSuffixB);
    if (!module.starts_with(kPrefix) || (!is_a && !is_b)) {
      unknown += "\n  " + info.name;
      continue;
    }
    module = module.substr(std::string(kPrefix).size());
    module.resize(module.size() - std::string(kSuffixA).size());
    LoraPair& pair = adapter.pairs[module];
    (is_a ? pair.a : pair.b) = file.tensor(info.name);
  }
  if (!unknown.empty() || adapter.pairs.empty()) {
    throw DataError(
        fmt::format("{}: {}{}", path.string(),
                    unknown.empty() ? "it holds no tensors"
                                    : "tensors that are no LoRA factors of a linear layer:",
                    unknown),
        "expected names like base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight");
  }
  return adapter;
}

std::vector<std::string> lora_modules(const ModelShape& shape,
                                      const std::vector<std::string>& targets) {
  std::vector<std::string> modules;
  for (const auto& spec : linear_modules(shape)) {
    if (is_target(spec.name, targets)) modules.push_back(spec.name);
  }
  return modules;
}

void check_peft_adapter(const PeftAdapter& adapter, const ModelShape& shape,
                        const fs::path& source) {
  std::map<std::string, std::vector<std::int64_t>> modules;
  for (const auto& spec : linear_modules(shape)) modules[spec.name] = spec.shape;
  std::string faults;
  const auto fault = [&](const std::string& text) { faults += "\n  " + text; };
  const std::int64_t r = adapter.config.r;
  for (const auto& [module, pair] : adapter.pairs) {
    const auto found = modules.find(module);
    if (found == modules.end()) {
      fault(fmt::format("{} is no linear layer of the base", module));
      continue;
    }
    const struct {
      const char* name;
      const at::Tensor& tensor;
      std::vector<std::int64_t> expected;
    } factors[] = {{"lora_A", pair.a, {r, found->second[1]}},
                   {"lora_B", pair.b, {found->second[0], r}}};
    for (const auto& factor : factors) {
      if (!factor.tensor.defined()) {
        fault(fmt::format("{}.{} is missing", module, factor.name));
      } else if (factor.tensor.sizes() != at::IntArrayRef(factor.expected)) {
        fault(fmt::format("{}.{} has the shape {}, expected {}", module, factor.name,
                          shape_text(factor.tensor.sizes().vec()), shape_text(factor.expected)));
      } else if (!at::isFloatingType(factor.tensor.scalar_type())) {
        fault(fmt::format("{}.{} is of type {}", module, factor.name,
                          at::toString(factor.tensor.scalar_type())));
      }
    }
  }
  for (const auto& module : lora_modules(shape, adapter.config.targets)) {
    if (!adapter.pairs.count(module))
      fault(fmt::format("{} is a target, but has no factors", module));
  }
  if (!faults.empty()) {
    throw DataError(fmt::format("{} does not fit the base model ({}):{}", source.string(),
                                shape.describe(), faults),
                    "the adapter was trained on another base, or is damaged");
  }
}

void write_peft_adapter(const fs::path& folder, const PeftAdapter& adapter) {
  const std::string text = config_text(adapter.config);
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const auto& [module, pair] : adapter.pairs) {
    tensors.emplace_back(kPrefix + module + kSuffixA, pair.a);
    tensors.emplace_back(kPrefix + module + kSuffixB, pair.b);
  }
  make_folders(folder);
  std::error_code ignored;
  fs::remove(folder / "adapter_config.json", ignored);
  write_safetensors(folder / "adapter_model.safetensors", tensors);
  write_file_atomic(folder / "adapter_config.json", text);
}

at::Tensor merge_lora(const at::Tensor& weight, const LoraPair& pair, double scaling) {
  const at::Tensor delta = at::matmul(pair.b.to(at::kFloat), pair.a.to(at::kFloat)).mul_(scaling);
  return weight.to(at::kFloat).add(delta).to(weight.scalar_type());
}

}  // namespace anneal
