// What happens to units' full weights and gradients, in order: for tests of schedules and for logs.
#pragma once

#include <functional>
#include <string>

namespace anneal {

enum class ScheduleEvent {
  kGather,    ///< gathering a unit's weights began: its buffer is taken
  kAcquire,   ///< the weights are there and about to be used
  kDone,      ///< this pass has computed with them
  kRelease,   ///< the buffer goes to another unit, or its weights are stale
  kGradient,  ///< a full gradient buffer is taken
  kReduce,    ///< its exchange began
  kReduced,   ///< it is in the slice; the buffer is free
};

/// Called with the event and the unit's name; empty: nobody listens.
using ScheduleTrace = std::function<void(ScheduleEvent, const std::string&)>;

}  // namespace anneal
