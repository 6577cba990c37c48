// Calls a generic lambda with a zero of the tensor's element type: fp32 for training, fp64 for
// gradient checks. (ATen's dispatch macros cannot hold `#pragma omp simd`.)
#pragma once

#include <ATen/ATen.h>

namespace anneal {

template <class F>
void for_floating(at::ScalarType type, F body) {
  if (type == at::kFloat) {
    body(float{});
  } else {
    TORCH_CHECK(type == at::kDouble, "fp32 or fp64 is expected, got ", type);
    body(double{});
  }
}

}  // namespace anneal
