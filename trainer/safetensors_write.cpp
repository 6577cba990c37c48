#include <algorithm>
#include <map>

#include "base/error.h"
#include "trainer/json_fields.h"
#include "trainer/safetensors.h"
#include "trainer/tensor_file.h"

namespace anneal {
namespace {

/// Place of an element type in the reference library's order (by alignment, then as declared
/// there).
int dtype_rank(const std::string& dtype) {
  static const char* const kOrder[] = {"BOOL", "U8",  "I8",  "F8_E5M2", "F8_E4M3",
                                       "I16",  "U16", "F16", "BF16",    "I32",
                                       "U32",  "F32", "F64", "I64",     "U64"};
  return static_cast<int>(std::find(std::begin(kOrder), std::end(kOrder), dtype) -
                          std::begin(kOrder));
}

/// Fills the byte ranges, in file order, and returns the header, padded so that data are aligned.
std::string lay_out(std::vector<TensorInfo>& tensors,
                    const std::map<std::string, std::string>& metadata,
                    const std::filesystem::path& path) {
  std::sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    const int rank_a = dtype_rank(safetensors_dtype(a.dtype));
    const int rank_b = dtype_rank(safetensors_dtype(b.dtype));
    return rank_a != rank_b ? rank_a > rank_b : a.name < b.name;
  });
  std::uint64_t position = 0;
  std::string text = "{";
  if (!metadata.empty()) text += "\"__metadata__\":" + nlohmann::json(metadata).dump();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    TensorInfo& info = tensors[i];
    const std::string dtype = safetensors_dtype(info.dtype);
    if (dtype.empty() || info.name == "__metadata__" ||
        (i > 0 && tensors[i - 1].name == info.name)) {
      throw DataError(fmt::format("cannot write {}: tensor \"{}\" {}", path.string(), info.name,
                                  dtype.empty() ? "has an element type that safetensors lacks"
                                                : "has a name that is taken"));
    }
    std::uint64_t bytes = at::elementSize(info.dtype);
    for (const auto size : info.shape) bytes *= static_cast<std::uint64_t>(size);
    info.begin = position;
    info.end = position += bytes;
    const OrderedJson entry = {
        {"dtype", dtype}, {"shape", info.shape}, {"data_offsets", {info.begin, info.end}}};
    if (text.size() > 1) text += ",";
    text += OrderedJson(info.name).dump() + ":" + entry.dump();
  }
  text += "}";
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, std::vector<TensorInfo> tensors,
                       const TensorProvider& provider,
                       const std::map<std::string, std::string>& metadata) {
  const std::string header = lay_out(tensors, metadata, path);
  AtomicFile file(path);
  const std::uint64_t header_size = header.size();
  file.write(&header_size, sizeof(header_size));
  file.write(header);
  for (const TensorInfo& info : tensors) {
    const at::Tensor tensor = provider(info.name);
    const std::vector<std::int64_t> shape = tensor.sizes().vec();
    if (shape != info.shape) {
      throw DataError(fmt::format("cannot write {}: tensor \"{}\" has the shape {}, expected {}",
                                  path.string(), info.name, shape_text(shape),
                                  shape_text(info.shape)));
    }
    write_tensor(file, tensor.to(info.dtype));
  }
  file.commit();
}

void write_safetensors(const std::filesystem::path& path,
                       const std::vector<std::pair<std::string, at::Tensor>>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<TensorInfo> infos;
  std::map<std::string, at::Tensor> by_name;
  for (const auto& [name, tensor] : tensors) {
    infos.push_back({.name = name, .dtype = tensor.scalar_type(), .shape = tensor.sizes().vec()});
    by_name[name] = tensor;
  }
  write_safetensors(
      path, std::move(infos), [&](const std::string& name) { return by_name.at(name); }, metadata);
}

}  // namespace anneal
