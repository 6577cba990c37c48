// CUDA and NCCL calls with errors as exceptions.
#pragma once

#include <cuda_runtime_api.h>
#include <nccl.h>

#include "base/error.h"

namespace anneal {

inline void check_cuda(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  throw CommunicationError(fmt::format("{} failed: {}", call, cudaGetErrorString(code)),
                           "see nvidia-smi and the driver's log; anneal check tests the devices");
}

inline void check_nccl(ncclResult_t code, const char* call, const std::string& label) {
  if (code == ncclSuccess) return;
  throw CommunicationError(
      fmt::format("{} failed in {}: {}", call, label, ncclGetErrorString(code)),
      "NCCL_DEBUG=WARN says more; a rank that ended takes the others with it");
}

}  // namespace anneal
