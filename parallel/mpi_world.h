// Start and end of MPI, and the group of all ranks of the job.
#pragma once

#include <memory>

#include "base/rank_status.h"
#include "parallel/group.h"

namespace anneal {

/// True if this process was started by mpirun (or another launcher of OpenMPI, PMIx or Slurm).
bool started_by_mpi();

/// Owns MPI from init to finalize. Without a launcher nothing of MPI is touched and the group is
/// solo. Build it once in main and pass `group()` on.
class World {
 public:
  /// `status` is told every operation that is waited for; with nullptr the world has its own.
  explicit World(RankStatus* status = nullptr);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  const Group& group() const { return group_; }
  /// What this rank is doing.
  RankStatus& status() const { return *status_; }
  /// Ranks that share this machine.
  int ranks_on_node() const { return ranks_on_node_; }
  /// This rank's number among them: which of the node's GPUs it takes.
  int local_rank() const { return local_rank_; }
  static constexpr double kDefaultTimeoutS = 3600;
  /// Longest time a collective of a step may take before the job ends with exit code 4. Waiting at a
  /// barrier or for a broadcast, for work of one rank (preparing data), has no limit: a warning on stderr
  /// says each time that long for whom.
  void set_timeout(double seconds);
  /// The same, shared: for groups that watch on their own.
  const std::shared_ptr<double>& timeout() const { return timeout_s_; }

 private:
  std::unique_ptr<RankStatus> own_status_;
  RankStatus* status_;
  Group group_;
  int ranks_on_node_ = 1, local_rank_ = 0;
  bool owns_mpi_ = false;
  std::shared_ptr<double> timeout_s_;
};

}  // namespace anneal
