#include "parallel/sharded_unit.h"

#include <cstring>
#include <utility>

namespace anneal {

ShardedUnit::ShardedUnit(UnitLayout layout, Group group, bool trained)
    : layout_(std::move(layout)),
      group_(std::move(group)),
      trained_(trained),
      slice_numel_(layout_.slice_numel(group_.size())) {
  weights_ = at::zeros({slice_numel_}, at::kFloat);
  if (!trained_) return;
  gradient_ = at::zeros({slice_numel_}, at::kFloat);
  first_moment_ = at::zeros({slice_numel_}, at::kFloat);
  second_moment_ = at::zeros({slice_numel_}, at::kFloat);
}

Work ShardedUnit::gather_into(at::Tensor& full) {
  auto* to = full.data_ptr<float>();
  std::memcpy(to + slice_begin(), weights_.const_data_ptr<float>(), slice_numel_ * sizeof(float));
  return group_.all_gather(to, slice_numel_, "all-gather of " + layout_.name());
}

Work ShardedUnit::reduce_from(at::Tensor& full, at::Tensor& scratch, bool accumulate) {
  at::Tensor& target = accumulate ? scratch : gradient_;
  return group_.reduce_scatter(full.data_ptr<float>(), target.data_ptr<float>(), slice_numel_,
                               "reduce-scatter of " + layout_.name());
}

void ShardedUnit::finish_reduce(const at::Tensor& scratch, bool accumulate) {
  if (accumulate) gradient_.add_(scratch.narrow(0, 0, slice_numel_));
}

}  // namespace anneal
