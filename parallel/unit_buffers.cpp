#include "parallel/unit_buffers.h"

namespace anneal {

namespace {

void tell(const ScheduleTrace& trace, ScheduleEvent event, const ShardedUnit& unit) {
  if (trace) trace(event, unit.layout().name());
}

/// A lent buffer of at least `numel` numbers.
void make_room(at::Tensor& buffer, std::int64_t numel, const at::TensorOptions& options) {
  if (buffer.defined() && buffer.numel() >= numel) return;
  buffer.reset();  // first: the old and the new one are never there together
  buffer = at::empty({numel}, options);
}

}  // namespace

void WeightSlot::release() {
  if (!unit_) return;
  pending_.wait();
  tell(*trace_, ScheduleEvent::kRelease, *unit_);
  unit_ = nullptr;
}

void WeightSlot::start(ShardedUnit& unit, std::int64_t room) {
  if (unit.is_whole() || unit_ == &unit) return;
  release();
  make_room(full_, room, unit.full_weight_options());
  tell(*trace_, ScheduleEvent::kGather, unit);
  unit_ = &unit;
  pending_ = unit.gather_into(full_);
}

at::Tensor WeightSlot::get(ShardedUnit& unit, std::int64_t room) {
  if (unit.is_whole()) return unit.weights();
  start(unit, room);
  pending_.wait();
  tell(*trace_, ScheduleEvent::kAcquire, unit);
  return full_;
}

void WeightSlot::done() const {
  if (unit_) tell(*trace_, ScheduleEvent::kDone, *unit_);
}

void WeightSlot::drop(bool all) {
  if (unit_ && (all || unit_->trained())) release();
}

at::Tensor GradientSlot::buffer(ShardedUnit& unit, std::int64_t room, const Accumulation& how) {
  const bool begun = unit_ == &unit && !reducing_;  // a tied head wrote its part already
  if (!begun) finish();
  how_ = how;
  if (!begun) tell(*trace_, ScheduleEvent::kGradient, unit);
  unit_ = &unit;
  // One rank and nothing to add to: the slice itself is written.
  if (unit.reduces_in_place() && how.first) return unit.gradient();
  const bool aside = how.in_full && !how.first && !unit.reduces_in_place();
  at::Tensor& target = aside ? *spare_ : full_;
  make_room(target, room, unit.full_gradient_options());
  return target;
}

void GradientSlot::reduce(std::int64_t slice_room) {
  ShardedUnit& unit = *unit_;
  if (unit.reduces_in_place() && how_.first) {
    unit.zero_unused(unit.gradient());
    reducing_ = true;
    finish();
    return;
  }
  const bool in_full = how_.in_full && !unit.reduces_in_place();
  if (in_full && !how_.first) {
    full_.narrow(0, 0, unit.padded_numel()).add_(spare_->narrow(0, 0, unit.padded_numel()));
  }
  if (in_full && !how_.last) {
    unit_ = nullptr;
    return;
  }
  unit.zero_unused(full_);
  const bool add = !how_.first && !in_full;
  if (add) make_room(scratch_, slice_room, unit.weights().options().dtype(at::kFloat));
  reducing_ = true;
  tell(*trace_, ScheduleEvent::kReduce, unit);
  pending_ = unit.reduce_from(full_, scratch_, add);
}

void GradientSlot::finish() {
  if (!unit_) return;
  pending_.wait();
  const bool in_full = how_.in_full && !unit_->reduces_in_place();
  if (!how_.first && !in_full) unit_->add_reduced(scratch_);
  if (how_.last) unit_->start_replica_sum();
  tell(*trace_, ScheduleEvent::kReduced, *unit_);
  unit_ = nullptr;
  reducing_ = false;
}

}  // namespace anneal
