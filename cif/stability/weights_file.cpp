#include "cif/stability/weights_file.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"

namespace anneal {

std::size_t WeightsFile::Tensor::count() const {
  std::size_t count = 1;
  for (auto length : shape) count *= static_cast<std::size_t>(length);
  return count;
}

WeightsFile WeightsFile::read(const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  const auto damaged = [&](const std::string& what) {
    return DataError(fmt::format("{} is no weights file: {}", path.string(), what),
                     "make it again with launch/chgnet_weights");
  };
  std::uint64_t header_size = 0;
  if (bytes.size() < 8) throw damaged("shorter than 8 bytes");
  std::memcpy(&header_size, bytes.data(), 8);
  if (header_size > bytes.size() - 8) throw damaged("its header is cut off");
  const std::size_t begin = 8 + header_size, size = bytes.size() - begin;
  WeightsFile file;
  file.path_ = path;
  file.values_.resize(size / 4);
  std::memcpy(file.values_.data(), bytes.data() + begin, size / 4 * 4);
  try {
    const auto header = nlohmann::json::parse(bytes.begin() + 8, bytes.begin() + static_cast<std::ptrdiff_t>(begin));
    for (const auto& [name, info] : header.items()) {
      if (name == "__metadata__") continue;
      Tensor tensor;
      for (const auto& length : info.at("shape")) {
        tensor.shape.push_back(length.get<std::int64_t>());
        if (tensor.shape.back() < 1 || tensor.shape.back() > (1 << 20)) throw damaged(fmt::format("shape of {}", name));
      }
      const auto from = info.at("data_offsets").at(0).get<std::uint64_t>();
      const auto to = info.at("data_offsets").at(1).get<std::uint64_t>();
      if (info.at("dtype") != "F32" || from % 4 != 0 || to < from || to > size || to - from != 4 * tensor.count()) {
        throw damaged(fmt::format("tensor {} is not where the header says (cut off?)", name));
      }
      tensor.data = file.values_.data() + from / 4;
      file.tensors_.emplace(name, std::move(tensor));
    }
  } catch (const nlohmann::json::exception& error) {
    throw damaged(error.what());
  }
  return file;
}

const WeightsFile::Tensor& WeightsFile::tensor(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    throw DataError(fmt::format("{} holds no {}", path_.string(), name),
                    "it must hold CHGNet 0.3.0: make it again with launch/chgnet_weights");
  }
  return found->second;
}

}  // namespace anneal
