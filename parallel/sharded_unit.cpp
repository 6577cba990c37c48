#include "parallel/sharded_unit.h"

#include <utility>

namespace anneal {

at::ScalarType torch_type(NumberType type) {
  return type == NumberType::kBf16 ? at::kBFloat16 : at::kFloat;
}

ShardedUnit::ShardedUnit(UnitLayout layout, const Mesh& mesh, UnitNumbers numbers)
    : layout_(std::move(layout)),
      shard_(mesh.shard),
      replicas_(mesh.replicas),
      numbers_(numbers),
      slice_numel_(layout_.slice_numel(shard_.size())) {
  const auto options = at::TensorOptions(numbers_.device).dtype(at::kFloat);
  // What is never updated needs no more digits than it is used with.
  weights_ = at::zeros({slice_numel_}, trained() ? options : full_weight_options());
  if (!trained()) return;
  gradient_ = at::zeros({slice_numel_}, options);
  first_moment_ = at::zeros({slice_numel_}, options);
  second_moment_ = at::zeros({slice_numel_}, options);
}

at::TensorOptions ShardedUnit::full_weight_options() const {
  return at::TensorOptions(numbers_.device).dtype(torch_type(numbers_.weights));
}

at::TensorOptions ShardedUnit::full_gradient_options() const {
  return at::TensorOptions(numbers_.device).dtype(torch_type(numbers_.gradients));
}

Work ShardedUnit::gather_into(at::Tensor& full) {
  full.narrow(0, slice_begin(), slice_numel_).copy_(weights_);
  return shard_.all_gather(full.data_ptr(), slice_numel_, numbers_.weights,
                           "all-gather of " + layout_.name());
}

at::Tensor ShardedUnit::gathered_masters() {
  if (shard_.size() == 1) return weights_.to(at::kFloat);
  at::Tensor full = at::empty({padded_numel()}, weights_.options().dtype(at::kFloat));
  full.narrow(0, slice_begin(), slice_numel_).copy_(weights_);
  shard_.all_gather(full.data_ptr(), slice_numel_, NumberType::kFp32,
                    "all-gather of the masters of " + layout_.name())
      .wait();
  return full;
}

void ShardedUnit::zero_unused(at::Tensor& full) const {
  std::int64_t end = 0;
  const auto zero = [&](std::int64_t from, std::int64_t to) {
    if (from < to) full.narrow(0, from, to - from).zero_();
  };
  for (const auto& slot : layout_.slots()) {
    zero(end, slot.offset);
    end = slot.offset + (slot.frozen ? 0 : slot.numel());
  }
  zero(end, padded_numel());
}

Work ShardedUnit::reduce_from(at::Tensor& full, at::Tensor& scratch, bool aside) {
  at::Tensor& target = aside ? scratch : gradient_;
  if (shard_.size() == 1) {
    target.narrow(0, 0, slice_numel_).copy_(full.narrow(0, 0, slice_numel_));
    return {};
  }
  return shard_.reduce_scatter(full.data_ptr(), target.data_ptr<float>(), slice_numel_,
                               numbers_.gradients, "reduce-scatter of " + layout_.name());
}

void ShardedUnit::add_reduced(const at::Tensor& scratch) {
  gradient_.add_(scratch.narrow(0, 0, slice_numel_));
}

void ShardedUnit::start_replica_sum() {
  if (replicas_.size() == 1) return;
  replica_sum_ = replicas_.all_reduce(gradient_.data_ptr<float>(), slice_numel_,
                                      "all-reduce of " + layout_.name());
}

}  // namespace anneal
