// Writes the checkpoints of a run while it goes on. A save copies this rank's slices (one copy at
// most is alive, in buffers that are used again) and hands them to a thread; the ranks learn from
// the sums that every step exchanges anyway when all files are on the disk; then the thread of rank
// 0 writes the manifest, which makes the checkpoint whole, and removes what the policy gives up.
#pragma once

#include <array>
#include <chrono>
#include <filesystem>
#include <future>
#include <span>
#include <string>
#include <vector>

#include "trainer/checkpoint.h"

namespace anneal {

class CheckpointWriter {
 public:
  /// All methods but the destructor are called by all ranks alike.
  CheckpointWriter(std::filesystem::path folder, const Group& group, const KeepPolicy& keep,
                   const Log& log);
  /// Waits for the thread; a save under way stays without a manifest.
  ~CheckpointWriter();
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  /// Begins a save in the background; waits first for one that is under way. A save that fails is a
  /// warning: the run goes on, and the checkpoints before stay. Without `copy` the model must not
  /// change until `finish` has returned.
  void start(ShardedModel& model, const TrainState& state, bool copy = true);
  /// Saves without a copy and returns when the checkpoint is whole. Throws DataError on all ranks.
  void save(ShardedModel& model, const TrainState& state);
  /// Waits for the save under way. Failures are warnings.
  void finish();

  /// What this rank adds to the step's sums: is its part of the save done, did it fail.
  static constexpr std::size_t kVotes = 2;
  std::array<double, kVotes> votes();
  /// Takes the sums over the ranks and goes on with the save.
  void advance(std::span<const double> sums);

  bool busy() const { return phase_ != Phase::kIdle; }
  /// Seconds that the last save took; before the first 0, or what is expected of it.
  double last_seconds() const { return last_s_; }
  /// Expects of the first save what a slow disk would take.
  void expect_first_save_of(ShardedModel& model);

 private:
  enum class Phase { kIdle, kWriting, kPublishing };

  void begin(ShardedModel& model, const TrainState& state, bool copy);
  void run_to_end();
  void publish();
  void give_up(const std::string& fault);
  std::filesystem::path target() const;

  std::filesystem::path folder_;
  Group group_;
  KeepPolicy keep_;
  Log log_;
  Phase phase_ = Phase::kIdle;
  ShardedModel* model_ = nullptr;
  TrainState state_;  // of the save under way
  std::vector<std::pair<std::string, at::Tensor>> copies_;
  CheckpointFile own_file_;
  std::future<std::string> part_;  // this rank's part of the phase: "" or why it failed
  std::string part_fault_;         // the same, once it was collected (part_ is invalid then)
  std::string fault_;              // of the last save, "" if it went well
  std::chrono::steady_clock::time_point begun_;
  double last_s_ = 0;
};

}  // namespace anneal
