// The build without CUDA.
#include "parallel/device_backend.h"

namespace anneal {

DeviceBackend make_device_backend(const World& world, const std::string& kind) {
  if (kind == "cuda") {
    throw UsageError("train.device cuda: this program was built without CUDA",
                     "build with cmake --preset cuda, or train on CPU: --set train.device=cpu");
  }
  return {at::kCPU, world.group(), "CPU"};
}

std::string backends_of_this_build() { return "CPU over MPI"; }

}  // namespace anneal
