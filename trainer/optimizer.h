// AdamW (Loshchilov & Hutter 2019) on the flat slices that a rank owns, and the global gradient norm.
#pragma once

#include <cstdint>
#include <span>

#include "parallel/mesh.h"
#include "parallel/sharded_unit.h"
#include "recipes/schema.h"

namespace anneal {

/// Sum of squares of the gradient over all ranks' slices, each counted once, in double; the same bits on
/// every rank. `extra` values are summed over all ranks along (one collective instead of several).
double global_squared_norm(std::span<ShardedUnit* const> units, const Mesh& mesh,
                           std::span<double> extra);

/// One step on every unit: gradients are scaled by `gradient_scale` (clipping) on the way in; matrices
/// decay, vectors do not; `step` counts from 1 (bias correction).
void adamw_step(std::span<ShardedUnit* const> units, const OptimizerOptions& options, double rate,
                double gradient_scale, std::int64_t step);

/// The same for one unit through ATen's fused kernel: what GPUs use. (It scales the gradient in place.)
void fused_adamw_step(ShardedUnit& unit, const OptimizerOptions& options, double rate, double gradient_scale,
                      std::int64_t step);

}  // namespace anneal
