// Lent buffers of full units: gathered weights, and gradients before they are reduced. A slot holds
// one unit at a time; how many slots there are and which unit uses which is the model's schedule.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>

#include "parallel/schedule_trace.h"
#include "parallel/sharded_unit.h"

namespace anneal {

/// A buffer for the gathered weights of one unit at a time.
class WeightSlot {
 public:
  explicit WeightSlot(std::shared_ptr<ScheduleTrace> trace) : trace_(std::move(trace)) {}
  /// Starts gathering, unless the unit is there or on its way. `room`: numbers of the largest unit
  /// that uses this slot.
  void start(ShardedUnit& unit, std::int64_t room);
  /// The unit's full weights; waits for them.
  at::Tensor get(ShardedUnit& unit, std::int64_t room);
  /// The pass has computed with the unit; it stays until another one needs the buffer.
  void done() const;
  /// The weights that it holds are no longer true, if they are of a trained unit (or `all`).
  void drop(bool all);

 private:
  void release();
  std::shared_ptr<ScheduleTrace> trace_;
  at::Tensor full_;
  ShardedUnit* unit_ = nullptr;
  Work pending_;
};

/// How a micro-batch's gradients join those of the step.
struct Accumulation {
  bool first = true;     ///< the first micro-batch: nothing to add to
  bool last = true;      ///< the last one: replicas add up
  bool in_full = false;  ///< micro-batches are added up before the exchange, not after
};

/// A buffer for the full gradient of one unit at a time. With Accumulation::in_full it is the
/// unit's own for the whole step.
class GradientSlot {
 public:
  /// `spare` is where a further micro-batch's gradient is computed before it is added (in_full);
  /// slots whose units are not under way together may share it.
  GradientSlot(std::shared_ptr<ScheduleTrace> trace, std::shared_ptr<at::Tensor> spare)
      : trace_(std::move(trace)), spare_(std::move(spare)) {}
  /// Where the unit's gradient is to be written; asked for again before `reduce`, the same buffer.
  at::Tensor buffer(ShardedUnit& unit, std::int64_t room, const Accumulation& how);
  /// The gradient is written: starts the exchange (unless more is to be added first).
  void reduce(std::int64_t slice_room);
  /// Returns when the buffer is free; the unit's slice holds the sum, which replicas then add up.
  void finish();

 private:
  std::shared_ptr<ScheduleTrace> trace_;
  std::shared_ptr<at::Tensor> spare_;
  at::Tensor full_, scratch_;
  ShardedUnit* unit_ = nullptr;
  Accumulation how_;
  bool reducing_ = false;  // handed to the group; `unit_` is set from the first write on
  Work pending_;
};

}  // namespace anneal
