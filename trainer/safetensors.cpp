#include "trainer/safetensors.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "trainer/json_fields.h"

namespace anneal {
namespace {

constexpr struct {
  at::ScalarType type;
  const char* name;
} kDtypes[] = {
    {at::kDouble, "F64"},
    {at::kFloat, "F32"},
    {at::kHalf, "F16"},
    {at::kBFloat16, "BF16"},
    {at::kLong, "I64"},
    {at::kInt, "I32"},
    {at::kShort, "I16"},
    {at::kChar, "I8"},
    {at::kByte, "U8"},
    {at::kBool, "BOOL"},
    {at::kUInt16, "U16"},
    {at::kUInt32, "U32"},
    {at::kUInt64, "U64"},
    {at::kFloat8_e4m3fn, "F8_E4M3"},
    {at::kFloat8_e5m2, "F8_E5M2"},
};

constexpr const char* kDamaged = "the file is damaged or was cut off; copy or download it again";

/// Parses the header and notes names that occur twice, which JSON readers pass over in silence.
nlohmann::json parse_header(const std::string& text, const std::filesystem::path& path) {
  std::set<std::string> seen;
  std::string twice;
  using Json = nlohmann::json;  // sorted, so that many names cost no time; the order is not needed
  const auto watch = [&](int depth, Json::parse_event_t event, Json& key) {
    if (event == Json::parse_event_t::key && depth == 1 &&
        !seen.insert(key.get<std::string>()).second) {
      twice = key.get<std::string>();
    }
    return true;
  };
  Json header;
  try {
    header = Json::parse(text, watch);
  } catch (const nlohmann::json::exception& error) {
    throw DataError(fmt::format("{}: the safetensors header is not valid JSON: {}", path.string(),
                                error.what()),
                    kDamaged);
  }
  if (!header.is_object()) {
    throw DataError(fmt::format("{}: the safetensors header is not a JSON object", path.string()),
                    kDamaged);
  }
  if (!twice.empty()) {
    throw DataError(
        fmt::format("{}: the tensor \"{}\" occurs twice in the header", path.string(), twice),
        kDamaged);
  }
  return header;
}

TensorInfo parse_tensor(const std::string& name, const nlohmann::json& entry,
                        std::uint64_t data_size, const std::filesystem::path& path) {
  const auto refuse = [&](const std::string& what) {
    throw DataError(fmt::format("{}: tensor \"{}\": {}", path.string(), name, what), kDamaged);
  };
  const auto list = [&](const char* key) {
    if (!entry.is_object() || !entry.contains(key) || !entry.at(key).is_array()) {
      refuse(fmt::format("\"{}\" is missing or is not a list", key));
    }
    std::vector<std::int64_t> values;
    for (const auto& value : entry.at(key)) {
      // a number beyond 63 bits turns negative here, a fraction is no integer
      if (!value.is_number_integer() || value.get<std::int64_t>() < 0) {
        refuse(fmt::format("\"{}\" is {}, expected integers, not negative", key,
                           json_excerpt(entry.at(key))));
      }
      values.push_back(value.get<std::int64_t>());
    }
    return values;
  };
  TensorInfo info;
  info.name = name;
  info.shape = list("shape");
  const auto offsets = list("data_offsets");
  const std::string dtype = entry.contains("dtype") && entry.at("dtype").is_string()
                                ? entry.at("dtype").get<std::string>()
                                : "(absent)";
  const auto known = std::find_if(std::begin(kDtypes), std::end(kDtypes),
                                  [&](const auto& d) { return dtype == d.name; });
  if (known == std::end(kDtypes)) refuse(fmt::format("unknown element type {}", dtype));
  info.dtype = known->type;
  if (offsets.size() != 2) refuse(fmt::format("{} data_offsets, expected 2", offsets.size()));
  info.begin = static_cast<std::uint64_t>(offsets[0]);
  info.end = static_cast<std::uint64_t>(offsets[1]);
  if (info.begin > info.end || info.end > data_size) {
    refuse(fmt::format("bytes {} to {} do not lie in the file's {} bytes of data", info.begin,
                       info.end, data_size));
  }
  std::uint64_t bytes = at::elementSize(info.dtype);
  for (const auto size : info.shape) {
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes)) {
      refuse(fmt::format("the shape {} is too large", shape_text(info.shape)));
    }
  }
  if (info.end - info.begin != bytes) {
    refuse(fmt::format("{} bytes of data, expected {} for {} {}", info.end - info.begin, bytes,
                       dtype, shape_text(info.shape)));
  }
  return info;
}

}  // namespace

std::string safetensors_dtype(at::ScalarType dtype) {
  for (const auto& known : kDtypes) {
    if (known.type == dtype) return known.name;
  }
  return "";
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  SafetensorsFile result;
  result.path_ = path;
  result.file_ = MappedFile::open(path);
  const std::uint64_t file_size = result.file_->size();
  std::uint64_t header_size = 0;
  if (file_size >= 8) std::memcpy(&header_size, result.file_->data(), 8);
  constexpr std::uint64_t kLargestHeader = 100'000'000;  // the reference library's limit
  if (file_size < 10 || header_size < 2 || header_size > kLargestHeader ||
      header_size > file_size - 8) {
    throw DataError(fmt::format("{} is not a whole safetensors file: {} bytes, a header of {} "
                                "bytes announced",
                                path.string(), file_size, header_size),
                    kDamaged);
  }
  result.data_begin_ = 8 + header_size;
  const std::uint64_t data_size = file_size - result.data_begin_;
  const std::string text(reinterpret_cast<const char*>(result.file_->data()) + 8, header_size);
  const nlohmann::json header = parse_header(text, path);
  for (const auto& [name, entry] : header.items()) {
    if (name != "__metadata__") {
      result.tensors_.push_back(parse_tensor(name, entry, data_size, path));
      continue;
    }
    if (!entry.is_object()) continue;
    for (const auto& [key, value] : entry.items()) {
      if (value.is_string()) result.metadata_[key] = value.get<std::string>();
    }
  }
  std::stable_sort(result.tensors_.begin(), result.tensors_.end(),
                   [](const auto& a, const auto& b) {
                     return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
                   });
  // the format demands that the tensors tile the data exactly
  std::uint64_t position = 0;
  for (std::size_t i = 0; i < result.tensors_.size(); ++i) {
    const TensorInfo& info = result.tensors_[i];
    if (info.begin != position) {
      throw DataError(
          fmt::format("{}: tensor \"{}\" begins at byte {} of the data, expected {}: {}",
                      path.string(), info.name, info.begin, position,
                      info.begin < position ? "it overlaps another" : "there is a gap"),
          kDamaged);
    }
    position = info.end;
    result.index_[info.name] = i;
  }
  if (position != data_size) {
    throw DataError(fmt::format("{}: the tensors take {} bytes, the file holds {} bytes of data",
                                path.string(), position, data_size),
                    kDamaged);
  }
  return result;
}

const TensorInfo& SafetensorsFile::info(const std::string& name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) {
    std::vector<std::string> names;
    for (const auto& info : tensors_) names.push_back(info.name);
    throw DataError(
        fmt::format("{} holds no tensor \"{}\" (it holds {})", path_.string(), name, names.size()),
        names.empty() ? "" : fmt::format("the nearest name is \"{}\"", nearest_name(name, names)));
  }
  return tensors_[found->second];
}

at::Tensor SafetensorsFile::tensor(const std::string& name) const {
  const TensorInfo& found = info(name);
  return mapped_tensor(file_, data_begin_ + found.begin, found.shape, found.dtype);
}

std::string_view SafetensorsFile::bytes(const std::string& name) const {
  const TensorInfo& found = info(name);
  return {reinterpret_cast<const char*>(file_->data()) + data_begin_ + found.begin,
          found.end - found.begin};
}

SafetensorsFolder SafetensorsFolder::open(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  SafetensorsFolder result;
  result.folder_ = folder;
  const fs::path single = folder / "model.safetensors";
  const fs::path index = folder / "model.safetensors.index.json";
  std::map<std::string, std::string> placed;  // tensor name -> file name, from the index
  std::set<std::string> file_names;
  if (fs::exists(single)) {
    file_names.insert("model.safetensors");
  } else if (fs::exists(index)) {
    const OrderedJson json = parse_json_object(read_file(index), index);
    const JsonFields weight_map = JsonFields(json, index).object("weight_map");
    for (const auto& item : weight_map.json().items()) {
      const std::string file = weight_map.text(item.key());
      if (fs::path(file).filename() != fs::path(file)) {
        weight_map.refuse(item.key(), "the name of a file in the same folder", item.value());
      }
      placed[item.key()] = file;
      file_names.insert(file);
    }
  } else {
    throw DataError(fmt::format("{} holds neither model.safetensors nor "
                                "model.safetensors.index.json",
                                folder.string()),
                    fs::exists(folder / "pytorch_model.bin")
                        ? "it holds pytorch_model.bin, a pickle; save it as safetensors first"
                        : "check the path");
  }
  for (const auto& name : file_names) result.files_.push_back(SafetensorsFile::open(folder / name));
  for (std::size_t i = 0; i < result.files_.size(); ++i) {
    for (const auto& info : result.files_[i].tensors()) {
      if (!result.index_.emplace(info.name, i).second) {
        throw DataError(fmt::format("the tensor \"{}\" is in two files: {} and {}", info.name,
                                    result.files_[result.index_[info.name]].path().string(),
                                    result.files_[i].path().string()),
                        "remove the files that do not belong to the model");
      }
    }
  }
  for (const auto& [name, file] : placed) {
    if (!result.contains(name) || result.file_of(name).path().filename() != file) {
      throw DataError(fmt::format("{} puts the tensor \"{}\" into {}, which does not hold it",
                                  index.string(), name, file),
                      kDamaged);
    }
  }
  return result;
}

std::vector<std::string> SafetensorsFolder::names() const {
  std::vector<std::string> names;
  for (const auto& entry : index_) names.push_back(entry.first);
  return names;
}

const SafetensorsFile& SafetensorsFolder::file_of(const std::string& name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) {
    throw DataError(fmt::format("{} holds no tensor \"{}\"", folder_.string(), name),
                    fmt::format("the nearest name is \"{}\"", nearest_name(name, names())));
  }
  return files_[found->second];
}

}  // namespace anneal
