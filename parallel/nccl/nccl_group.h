// Group over NCCL for memory of a GPU: one communicator and one stream for each role (all-gather,
// reduce-scatter, all-reduce), so that a gather that is needed soon never waits behind a reduction.
// What is small and on the host (sums of losses, broadcasts, barriers) goes over a control group,
// which also carries NCCL's identifiers. `wait` makes the current stream wait, not the host.
#pragma once

#include <memory>

#include "parallel/group.h"

namespace anneal {

/// All ranks of `control` take part; each has its GPU set already. `timeout_s` is shared with the
/// world.
Group make_nccl_group(const Group& control, int device, std::shared_ptr<double> timeout_s);

}  // namespace anneal
