// Tensors into a file that appears when it is whole.
#pragma once

#include <ATen/ATen.h>

#include "base/atomic_file.h"

namespace anneal {

/// Appends the elements of a tensor of any device, as they are, in row-major order. Throws DataError.
inline void write_tensor(AtomicFile& file, const at::Tensor& tensor) {
  const at::Tensor plain = tensor.detach().to(at::kCPU).contiguous();
  file.write(plain.const_data_ptr(), plain.nbytes());
}

}  // namespace anneal
