// The machine's limit, measured: what all ranks together reach in fp32 matrix products.
#pragma once

#include "parallel/group.h"

namespace anneal {

/// Floating-point operations a second over all ranks at once, in about 50 ms; for `mfu`.
double measured_gemm_rate(const Group& group);

}  // namespace anneal
