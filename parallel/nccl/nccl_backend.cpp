// The build with CUDA: one rank a GPU, NCCL between them.
#include <ATen/Context.h>
#include <ATen/cuda/CUDAContext.h>

#include "parallel/device_backend.h"
#include "parallel/nccl/check.h"
#include "parallel/nccl/nccl_group.h"

namespace anneal {

DeviceBackend make_device_backend(const World& world, const std::string& kind) {
  int devices = 0;
  const cudaError_t found = cudaGetDeviceCount(&devices);
  if (found != cudaSuccess) devices = 0;
  // All ranks must choose alike, also where one node lost its GPUs.
  double without[1] = {devices == 0 ? 1.0 : 0.0};
  world.group().all_reduce_sum(without, "count of nodes without GPUs");
  if (kind == "cpu" || (kind == "auto" && without[0] > 0)) return {at::kCPU, world.group(), "CPU"};
  if (devices == 0) {
    throw UsageError(fmt::format("train.device cuda: {} has no GPU that CUDA can use ({})",
                                 host_name(), cudaGetErrorString(found)),
                     "see nvidia-smi, or train on CPU: --set train.device=cpu");
  }
  const int device = world.local_rank();
  if (world.ranks_on_node() > devices) {
    throw UsageError(fmt::format("{} ranks on {}, which has {} GPU(s); a rank takes one GPU",
                                 world.ranks_on_node(), host_name(), devices),
                     "start as many ranks a node as it has GPUs (mpirun --map-by ppr:N:node)");
  }
  check_cuda(cudaSetDevice(device), "cudaSetDevice");
  // Flash attention's backward pass and cuBLAS add in one order; what cannot (fp32 attention) warns
  // once.
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/true);
  const at::Device where(at::kCUDA, static_cast<c10::DeviceIndex>(device));
  const Group group = world.group().size() == 1
                          ? world.group()
                          : make_nccl_group(world.group(), device, world.timeout());
  return {where, group, at::cuda::getDeviceProperties(device)->name};
}

std::string backends_of_this_build() {
  return fmt::format("CPU over MPI, CUDA {}.{} over NCCL {}.{}.{}", CUDART_VERSION / 1000,
                     CUDART_VERSION % 1000 / 10, NCCL_MAJOR, NCCL_MINOR, NCCL_PATCH);
}

}  // namespace anneal
