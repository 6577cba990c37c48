// A matrix in memory, as the kernels of products take it.
#pragma once

#include <cstdint>

namespace anneal {

/// A matrix in row-major memory: rows are `stride` elements apart; `transposed` reads it by
/// columns.
template <class T>
struct MatrixView {
  T* data;
  std::int64_t stride;
  bool transposed = false;
};

}  // namespace anneal
