// Where a rank computes and how its ranks exchange what lies there: CPU memory over MPI, or a GPU
// over NCCL. Two implementations, one of which is linked: parallel/nccl/ (the CUDA build) or
// parallel/no_nccl.cpp.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "parallel/group.h"
#include "parallel/mpi_world.h"

namespace anneal {

struct DeviceBackend {
  at::Device device;
  Group group;       ///< all ranks; takes pointers to memory of the device
  std::string name;  ///< "CPU", or the GPU's name
};

/// `kind` is cpu, cuda or auto (cuda where the build has it and the node has GPUs). One rank a GPU:
/// the rank's number on its node chooses. All ranks take part. Throws UsageError if cuda is asked
/// for and is not there, or the node has more ranks than GPUs.
DeviceBackend make_device_backend(const World& world, const std::string& kind);

/// "CPU over MPI", or "CPU over MPI, CUDA over NCCL 2.27": what this program was built with.
std::string backends_of_this_build();

}  // namespace anneal
