#include "trainer/hf_folder.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "base/error.h"
#include "base/files.h"

namespace anneal {
namespace fs = std::filesystem;
namespace {

constexpr const char* kHead = "lm_head.weight";
constexpr const char* kEmbedding = "model.embed_tokens.weight";

/// Joins the first few, "and N more" for the rest.
std::string few(const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(items.size(), 8); ++i) {
    text += "\n  " + items[i];
  }
  if (items.size() > 8) text += fmt::format("\n  and {} more", items.size() - 8);
  return text;
}

bool is_weight_dtype(at::ScalarType dtype) {
  return dtype == at::kFloat || dtype == at::kHalf || dtype == at::kBFloat16;
}

void check_tensors(const fs::path& folder, const ModelShape& shape,
                   const SafetensorsFolder& tensors) {
  std::vector<std::string> faults;
  std::set<std::string> expected;
  for (const auto& spec : parameter_specs(shape)) {
    expected.insert(spec.name);
    if (!tensors.contains(spec.name)) {
      faults.push_back(
          fmt::format("{} is missing, expected {}", spec.name, shape_text(spec.shape)));
      continue;
    }
    const TensorInfo& info = tensors.info(spec.name);
    if (info.shape != spec.shape) {
      faults.push_back(fmt::format("{} has the shape {}, expected {}", spec.name,
                                   shape_text(info.shape), shape_text(spec.shape)));
    }
    if (!is_weight_dtype(info.dtype)) {
      faults.push_back(fmt::format("{} is of type {}, expected F32, F16 or BF16", spec.name,
                                   safetensors_dtype(info.dtype)));
    }
  }
  for (const auto& name : tensors.names()) {
    if (expected.count(name) || name.ends_with("rotary_emb.inv_freq")) continue;
    if (name == kHead && tensors.contains(kEmbedding)) {
      if (tensors.file_of(kHead).bytes(kHead) == tensors.file_of(kEmbedding).bytes(kEmbedding)) {
        continue;
      }
      faults.push_back(
          "lm_head.weight differs from model.embed_tokens.weight, though config.json "
          "says tie_word_embeddings");
      continue;
    }
    faults.push_back(
        fmt::format("{} {} is unexpected", name, shape_text(tensors.info(name).shape)));
  }
  if (!faults.empty()) {
    throw DataError(
        fmt::format("{}: {} tensor{} do not fit config.json ({}):{}", folder.string(),
                    faults.size(), faults.size() == 1 ? "" : "s", shape.describe(), few(faults)),
        "config.json and the safetensors files belong to different models, or one of "
        "them is damaged");
  }
}

/// Removes weight files of an earlier folder that the new one will not overwrite.
void remove_old_weights(const fs::path& folder) {
  std::error_code ignored;
  fs::remove(folder / "config.json", ignored);
  std::vector<fs::path> old;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name == "model.safetensors.index.json" ||
        (name.starts_with("model-") && name.ends_with(".safetensors"))) {
      old.push_back(entry.path());
    }
  }
  for (const auto& path : old) fs::remove(path, ignored);
}

}  // namespace

at::ScalarType dtype_from_name(const std::string& name) {
  if (name == "float32") return at::kFloat;
  if (name == "float16") return at::kHalf;
  if (name == "bfloat16") return at::kBFloat16;
  throw DataError(fmt::format("unknown element type \"{}\"", name),
                  "one of float32, float16, bfloat16");
}

std::string dtype_name(at::ScalarType dtype) {
  for (const char* name : {"float32", "float16", "bfloat16"}) {
    if (dtype_from_name(name) == dtype) return name;
  }
  throw DataError(fmt::format("weights of type {} cannot be stored", at::toString(dtype)),
                  "one of float32, float16, bfloat16");
}

HfFolder HfFolder::open(const fs::path& folder) {
  HfFolder result;
  result.path_ = folder;
  const fs::path config = folder / "config.json";
  result.config_ = parse_hf_config(read_file(config), config);
  result.tensors_ = SafetensorsFolder::open(folder);
  check_tensors(folder, result.shape(), result.tensors_);
  return result;
}

std::vector<std::string> HfFolder::names() const {
  std::vector<std::string> names;
  for (auto& spec : parameter_specs(shape())) names.push_back(std::move(spec.name));
  return names;
}

std::vector<std::string> copy_tokenizer_files(const fs::path& from, const fs::path& to) {
  std::vector<std::string> copied;
  for (const char* name :
       {"tokenizer.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja", "tokenizer.bin",
        "generation_config.json"}) {
    std::error_code ignored;
    if (!fs::is_regular_file(from / name, ignored)) continue;
    if (!fs::equivalent(from / name, to / name, ignored)) {
      write_file_atomic(to / name, read_file(from / name));
    }
    copied.push_back(name);
  }
  return copied;
}

void write_hf_folder(const fs::path& folder, HfConfig config, const TensorProvider& provider,
                     const HfWriteOptions& options) {
  if (const std::string fault = shape_fault(config.shape); !fault.empty()) {
    throw DataError(fmt::format("cannot write {}: {}", folder.string(), fault));
  }
  // split into files before anything is written; within a file the writer orders the tensors
  std::vector<std::vector<TensorInfo>> files(1);
  std::uint64_t file_bytes = 0, total_bytes = 0;
  for (const auto& spec : parameter_specs(config.shape)) {
    TensorInfo info{.name = spec.name, .dtype = at::kFloat, .shape = spec.shape};
    info.dtype = options.dtype ? *options.dtype : provider(spec.name).scalar_type();
    std::uint64_t bytes = at::elementSize(info.dtype);
    for (const auto size : spec.shape) bytes *= static_cast<std::uint64_t>(size);
    if (file_bytes > 0 && file_bytes + bytes > options.max_file_bytes) {
      files.emplace_back();
      file_bytes = 0;
    }
    file_bytes += bytes;
    total_bytes += bytes;
    files.back().push_back(std::move(info));
  }
  // with mixed types the configuration keeps what it says; with one type it says that one
  if (options.dtype) config.dtype = dtype_name(*options.dtype);
  const std::string config_text = hf_config_text(config);

  make_folders(folder);
  remove_old_weights(folder);
  if (files.size() == 1) {
    write_safetensors(folder / "model.safetensors", std::move(files[0]), provider);
  } else {
    std::error_code ignored;
    fs::remove(folder / "model.safetensors", ignored);
    std::map<std::string, std::string> placed;
    for (std::size_t i = 0; i < files.size(); ++i) {
      const std::string name = fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, files.size());
      for (const auto& info : files[i]) placed[info.name] = name;
      write_safetensors(folder / name, std::move(files[i]), provider);
    }
    std::string index = fmt::format(
        "{{\n  \"metadata\": {{\"total_size\": {}}},\n  \"weight_map\": {{", total_bytes);
    for (auto it = placed.begin(); it != placed.end(); ++it) {
      index += fmt::format("{}\n    \"{}\": \"{}\"", it == placed.begin() ? "" : ",", it->first,
                           it->second);
    }
    write_file_atomic(folder / "model.safetensors.index.json", index + "\n  }\n}\n");
  }
  if (!options.tokenizer_from.empty()) copy_tokenizer_files(options.tokenizer_from, folder);
  write_file_atomic(folder / "config.json", config_text);
}

}  // namespace anneal
