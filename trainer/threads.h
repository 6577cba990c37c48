// How many compute threads a rank should use.
#pragma once

namespace anneal {

/// The machine's cores shared out over the ranks on it, at most as many as the launcher lets this
/// process run on (mpirun binds a rank to one core unless told otherwise), at least one.
int threads_for_rank(int ranks_on_node);

}  // namespace anneal
