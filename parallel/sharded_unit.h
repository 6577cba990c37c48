// What one rank owns of a unit: a slice of the master weights and, if the unit is trained, of the
// gradient and the two Adam moments; all flat fp32. Gathering and reducing go through buffers that the
// caller lends, in the number types of the unit (bf16: half the bytes). With one rank in fp32 the slice is
// the whole unit and nothing is copied. Replicas (parallel/mesh.h) add up their gradient slices.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "parallel/mesh.h"
#include "parallel/unit.h"

namespace anneal {

/// In which numbers full units are: gathered weights, and gradients up to their exchange.
struct UnitNumbers {
  NumberType weights = NumberType::kFp32, gradients = NumberType::kFp32;
  at::Device device = at::kCPU;
};

at::ScalarType torch_type(NumberType type);

class ShardedUnit {
 public:
  /// A unit without trained parameters has no gradient and no moments.
  ShardedUnit(UnitLayout layout, const Mesh& mesh, UnitNumbers numbers = {});

  const UnitLayout& layout() const { return layout_; }
  bool trained() const { return layout_.trained(); }
  std::int64_t slice_numel() const { return slice_numel_; }
  std::int64_t slice_begin() const { return slice_numel_ * shard_.rank(); }
  std::int64_t padded_numel() const { return slice_numel_ * shard_.size(); }
  /// The trained parameters' ranges within the slice.
  std::vector<SliceRange> slice_ranges() const {
    return layout_.slice_ranges(shard_.rank(), shard_.size());
  }
  /// The slice is the full unit, in the numbers that are computed with.
  bool is_whole() const { return shard_.size() == 1 && numbers_.weights == NumberType::kFp32; }
  /// A full gradient can be written to the slice itself.
  bool reduces_in_place() const { return shard_.size() == 1 && numbers_.gradients == NumberType::kFp32; }

  at::Tensor& weights() { return weights_; }
  const at::Tensor& weights() const { return weights_; }
  at::Tensor& gradient() { return gradient_; }
  at::Tensor& first_moment() { return first_moment_; }
  at::Tensor& second_moment() { return second_moment_; }
  at::TensorOptions full_weight_options() const;
  at::TensorOptions full_gradient_options() const;

  /// Starts gathering all slices into `full` (padded_numel numbers of full_weight_options).
  Work gather_into(at::Tensor& full);
  /// The same in the masters' own precision; waits. All ranks take part.
  at::Tensor gathered_masters();
  /// What no kernel writes or what is frozen must be zero in a full gradient.
  void zero_unused(at::Tensor& full) const;
  /// Starts summing the ranks' `full` gradients into this rank's slice: into `gradient()`, or with
  /// `aside` into `scratch` (add_reduced adds it).
  Work reduce_from(at::Tensor& full, at::Tensor& scratch, bool aside);
  void add_reduced(const at::Tensor& scratch);
  /// Starts adding up the gradient slices of the replicas, once a step; `finish_replica_sum` waits.
  void start_replica_sum();
  void finish_replica_sum() { replica_sum_.wait(); }

 private:
  UnitLayout layout_;
  Group shard_, replicas_;
  UnitNumbers numbers_;
  std::int64_t slice_numel_;
  at::Tensor weights_, gradient_, first_moment_, second_moment_;
  Work replica_sum_;
};

}  // namespace anneal
