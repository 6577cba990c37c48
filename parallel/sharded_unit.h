// What one rank owns of a unit: a slice of the master weights and, if the unit is trained, of the
// gradient and the two Adam moments; all flat fp32. Gathering and reducing go through buffers that
// the caller lends. With one rank the slice is the whole unit and nothing is copied.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "parallel/group.h"
#include "parallel/unit.h"

namespace anneal {

class ShardedUnit {
 public:
  ShardedUnit(UnitLayout layout, Group group, bool trained);

  const UnitLayout& layout() const { return layout_; }
  bool trained() const { return trained_; }
  std::int64_t slice_numel() const { return slice_numel_; }
  std::int64_t slice_begin() const { return slice_numel_ * group_.rank(); }
  std::int64_t padded_numel() const { return slice_numel_ * group_.size(); }
  bool is_whole() const { return group_.size() == 1; }

  at::Tensor& weights() { return weights_; }
  const at::Tensor& weights() const { return weights_; }
  at::Tensor& gradient() { return gradient_; }
  at::Tensor& first_moment() { return first_moment_; }
  at::Tensor& second_moment() { return second_moment_; }

  /// Starts gathering all slices into `full` (padded_numel elements).
  Work gather_into(at::Tensor& full);
  /// Starts summing the ranks' `full` gradients into this rank's slice: into `gradient()` when
  /// `accumulate` is false, else into `scratch` (finish_reduce adds it).
  Work reduce_from(at::Tensor& full, at::Tensor& scratch, bool accumulate);
  /// After the work of reduce_from: adds the scratch when accumulating.
  void finish_reduce(const at::Tensor& scratch, bool accumulate);

 private:
  UnitLayout layout_;
  Group group_;
  bool trained_;
  std::int64_t slice_numel_;
  at::Tensor weights_, gradient_, first_moment_, second_moment_;
};

}  // namespace anneal
