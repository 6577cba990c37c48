// A small process over every rank that mpirun starts. It does nothing but wait: when the rank dies
// by a signal (out of memory, kill -9, a crash), it says which rank that was, where, in which step
// and operation, and ends with exit code 4, which mpirun passes on and by which it ends the other
// ranks. When mpirun itself dies, it takes the rank with it.
#pragma once

#include "base/rank_status.h"

namespace anneal {

/// Under mpirun with several ranks: forks; returns in the child, which is the rank, and which
/// writes to `status`, a page that both see. The parent never returns. Otherwise does nothing. Call
/// it before threads and MPI start.
void supervise_rank(RankStatus* status);

}  // namespace anneal
