// Ranks as a mesh of replicas x shards (HSDP): the ranks of a shard group hold one copy of the
// model in slices, the replicas of a slice hold the same numbers. Rank = replica * shards + shard,
// so that neighbouring ranks (one node) share a copy and only gradients cross between copies, once
// a step.
#pragma once

#include "parallel/group.h"

namespace anneal {

struct Mesh {
  Group world;     ///< all ranks: they share the rows of a batch
  Group shard;     ///< the ranks that share this rank's copy
  Group replicas;  ///< the ranks with this rank's slice, one in each copy
  /// This rank's slices are the ones that are written and counted; the other copies have the same.
  bool speaks() const { return replicas.is_root(); }
};

/// Throws UsageError if `replicate` does not divide the number of ranks.
void check_mesh(int ranks, std::int64_t replicate);

/// All ranks take part. Throws UsageError if `replicate` does not divide their number.
Mesh make_mesh(const Group& world, std::int64_t replicate);

}  // namespace anneal
