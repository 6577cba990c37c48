# The CUDA backend, where a toolkit with NCCL is: `anneal_cuda_libraries`. Needed to link are the toolkit and
# the CUDA libraries in torch's wheel; to run on a GPU also the wheels that torch names (docs/gpu.md).
set(ANNEAL_CUDA_FOUND OFF)
set(ANNEAL_CUDA_MISSING "")
find_package(CUDAToolkit QUIET)
find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS} ${site_packages}/nvidia/nccl/include)
find_library(NCCL_LIBRARY NAMES nccl libnccl.so.2 HINTS ${CUDAToolkit_LIBRARY_DIR} ${site_packages}/nvidia/nccl/lib)
if(NOT CUDAToolkit_FOUND)
  set(ANNEAL_CUDA_MISSING "no CUDA toolkit was found")
elseif(NOT NCCL_INCLUDE_DIR OR NOT NCCL_LIBRARY)
  set(ANNEAL_CUDA_MISSING "the CUDA toolkit has no NCCL (nccl.h, libnccl)")
elseif(NOT EXISTS ${torch_dir}/lib/libtorch_cuda.so)
  set(ANNEAL_CUDA_MISSING "torch in ${torch_dir} was built without CUDA (no libtorch_cuda.so)")
else()
  set(ANNEAL_CUDA_FOUND ON)
  message(STATUS "CUDA ${CUDAToolkit_VERSION}, ${NCCL_LIBRARY}")
  add_library(anneal_cuda_libraries INTERFACE)
  target_include_directories(anneal_cuda_libraries SYSTEM INTERFACE ${CUDAToolkit_INCLUDE_DIRS} ${NCCL_INCLUDE_DIR})
  # Nothing names libtorch_cuda's kernels: they register themselves when it is loaded.
  target_link_libraries(anneal_cuda_libraries INTERFACE
    -Wl,--no-as-needed ${torch_dir}/lib/libtorch_cuda.so ${torch_dir}/lib/libc10_cuda.so -Wl,--as-needed
    CUDA::cudart ${NCCL_LIBRARY})
endif()
if(ANNEAL_CUDA AND NOT ANNEAL_CUDA_FOUND)
  message(FATAL_ERROR "ANNEAL_CUDA: ${ANNEAL_CUDA_MISSING}")
endif()
