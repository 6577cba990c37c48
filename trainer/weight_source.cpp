#include "trainer/weight_source.h"

#include <algorithm>

#include "base/error.h"
#include "data/tokenizer.h"  // for tokenizer_file
#include "trainer/hf_folder.h"
#include "trainer/llama2c.h"

namespace anneal {
namespace fs = std::filesystem;
namespace {

/// The tokenizer in `folder`: SentencePiece, tiktoken, Hugging Face, or else llama2.c's.
fs::path tokenizer_in(const fs::path& folder) {
  if (const fs::path file = tokenizer_file(folder); !file.empty()) return file;
  std::error_code ignored;
  return fs::is_regular_file(folder / "tokenizer.bin", ignored) ? folder / "tokenizer.bin" : fs::path();
}

bool present(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

/// What a folder holds, shortened, for messages.
std::string contents(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    names.push_back(entry.path().filename().string() + (entry.is_directory(ignored) ? "/" : ""));
  }
  if (names.empty()) return "is empty";
  std::sort(names.begin(), names.end());
  std::string text = "holds";
  for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 10); ++i) {
    text += (i ? ", " : " ") + names[i];
  }
  if (names.size() > 10) text += fmt::format(" and {} more", names.size() - 10);
  return text;
}

/// A reader that converts after reading.
WeightSource::Reader converted(const TensorProvider& stored) {
  return [stored](const std::string& name, std::optional<at::ScalarType> dtype) {
    const at::Tensor tensor = stored(name);
    return dtype ? tensor.to(*dtype) : tensor;
  };
}

WeightSource open_hf(const fs::path& folder) {
  const HfFolder hf = HfFolder::open(folder);
  WeightSource source;
  source.kind = WeightKind::kHfFolder;
  source.path = folder;
  source.config = hf.config();
  source.tokenizer = tokenizer_in(folder);
  source.read = converted([hf](const std::string& name) { return hf.tensor(name); });
  return source;
}

WeightSource open_llama2c(const fs::path& path) {
  const Llama2cFile file = Llama2cFile::open(path);
  WeightSource source;
  source.kind = WeightKind::kLlama2c;
  source.path = path;
  source.config.shape = file.shape();
  // llama2.c always uses these two of the SentencePiece vocabulary
  source.config.bos_id = 1;
  source.config.eos_ids = {2};
  source.tokenizer = file.tokenizer();
  source.read = converted([file](const std::string& name) { return file.tensor(name); });
  return source;
}

/// The folder that an adapter's configuration means by its base.
fs::path find_base(const std::string& base, const fs::path& adapter) {
  if (base.empty()) {
    throw DataError(fmt::format("{}: base_model_name_or_path is missing",
                                (adapter / "adapter_config.json").string()),
                    "write the folder of the base model into it");
  }
  for (const fs::path& candidate : {fs::path(base), adapter / base, adapter.parent_path() / base}) {
    if (present(candidate)) return candidate;
  }
  throw DataError(fmt::format("{}: the base model \"{}\" was not found, neither from the current "
                              "folder nor from the adapter's",
                              (adapter / "adapter_config.json").string(), base),
                  "models are not downloaded: fetch it and write its folder into "
                  "base_model_name_or_path");
}

WeightSource lay_over(WeightSource source, const fs::path& folder) {
  auto adapter = std::make_shared<const PeftAdapter>(read_peft_adapter(folder));
  check_peft_adapter(*adapter, source.shape(), folder);
  source.kind = WeightKind::kAdapter;
  source.base_path = source.path;
  source.path = folder;
  if (const fs::path own = tokenizer_in(folder); !own.empty()) source.tokenizer = own;
  source.adapter = adapter;
  // the base converts first: float32 on request is merged without rounding to the stored type
  source.read = [adapter, base = source.read](const std::string& name,
                                              std::optional<at::ScalarType> dtype) {
    const at::Tensor weight = base(name, dtype);
    const std::string_view suffix = ".weight";
    if (!name.ends_with(suffix)) return weight;
    const auto found = adapter->pairs.find(name.substr(0, name.size() - suffix.size()));
    if (found == adapter->pairs.end()) return weight;
    return merge_lora(weight, found->second, adapter->config.scaling());
  };
  return source;
}

WeightSource open_at(const fs::path& path, int depth);

/// `depth` adapters were laid one over another on the way here.
WeightSource open_adapter(const fs::path& folder, int depth) {
  if (depth > 8) {
    throw DataError(
        fmt::format("{}: more than 8 adapters lie one over another, or their "
                    "base_model_name_or_path lead in a circle",
                    folder.string()));
  }
  return lay_over(open_at(find_base(read_peft_config(folder).base, folder), depth + 1), folder);
}

WeightSource open_at(const fs::path& path, int depth) {
  if (!present(path)) {
    throw DataError(
        fmt::format("there is no model at {}", path.string()),
        "model.from (or --model) names a Hugging Face folder, a run, an adapter or a llama2.c file; relative paths "
        "start at the folder the command is called from");
  }
  if (!fs::is_directory(path)) {
    if (path.extension() == ".bin" || Llama2cFile::recognises(path)) return open_llama2c(path);
    throw DataError(
        fmt::format("{} is not a model: it is a file, and no llama2.c checkpoint", path.string()),
        "a Hugging Face folder (config.json, model.safetensors), a run folder or a "
        "llama2.c .bin is expected");
  }
  if (present(path / "config.json")) return open_hf(path);
  if (is_peft_folder(path)) return open_adapter(path, depth);
  if (present(path / "model" / "config.json")) return open_hf(path / "model");
  if (is_peft_folder(path / "adapter")) return open_adapter(path / "adapter", depth);
  const bool unfinished = present(path / "checkpoints");
  throw DataError(
      fmt::format("{} is not a model: looked for config.json, adapter_config.json, "
                  "model/config.json and adapter/adapter_config.json; the folder {}",
                  path.string(), contents(path)),
      unfinished
          ? "the training run has not finished: call the same command again to resume it"
          : "a Hugging Face folder (config.json, model.safetensors), a finished run folder, a "
            "PEFT adapter or a llama2.c .bin is expected");
}

}  // namespace

std::vector<std::string> WeightSource::names() const {
  std::vector<std::string> names;
  for (auto& spec : parameter_specs(shape())) names.push_back(std::move(spec.name));
  return names;
}

at::Tensor WeightSource::tensor(const std::string& name,
                                std::optional<at::ScalarType> dtype) const {
  return read(name, dtype);
}

std::string WeightSource::describe() const {
  const char* what = kind == WeightKind::kHfFolder  ? "Hugging Face folder"
                     : kind == WeightKind::kLlama2c ? "llama2.c checkpoint"
                                                    : "LoRA adapter over its base";
  return fmt::format("{} {}: {}", what, path.string(), shape().describe());
}

WeightSource open_weights(const fs::path& path) { return open_at(path, 0); }

WeightSource open_weights_with_adapter(const fs::path& base, const fs::path& adapter) {
  const bool is_run = !is_peft_folder(adapter) && is_peft_folder(adapter / "adapter");
  return lay_over(open_weights(base), is_run ? adapter / "adapter" : adapter);
}

}  // namespace anneal
