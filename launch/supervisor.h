// A small process over every rank that mpirun starts. It does nothing but wait: when the rank dies by a
// signal (out of memory, kill -9, a crash), it says which rank that was, where and why, and ends with
// exit code 4, which mpirun passes on and by which it ends the other ranks.
#pragma once

namespace anneal {

/// Under mpirun with several ranks: forks; returns in the child, which is the rank. The parent never
/// returns. Otherwise does nothing. Call it before threads and MPI start.
void supervise_rank();

}  // namespace anneal
