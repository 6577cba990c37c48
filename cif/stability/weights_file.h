// Reads a small safetensors file (trainer/safetensors.h is the full reader, for tensors of torch):
// float32 tensors by name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace anneal {

class WeightsFile {
 public:
  struct Tensor {
    std::vector<std::int64_t> shape;
    const float* data = nullptr;
    std::size_t count() const;
  };
  /// Reads and checks the whole file. Throws DataError.
  static WeightsFile read(const std::filesystem::path& path);
  /// Throws DataError if there is no such tensor.
  const Tensor& tensor(const std::string& name) const;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::vector<float> values_;
  std::map<std::string, Tensor> tensors_;
};

}  // namespace anneal
