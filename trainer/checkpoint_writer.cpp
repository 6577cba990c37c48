#include "trainer/checkpoint_writer.h"

#include <sys/resource.h>

#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/fingerprint.h"
#include "parallel/agreement.h"
#include "trainer/safetensors.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

/// Every rank's file on all ranks: size and fingerprint travel as numbers below 2^53.
std::vector<CheckpointFile> exchange_files(const CheckpointFile& own, const Group& group) {
  constexpr std::size_t kParts = 9;  // the size, and eight groups of four hexadecimal digits
  const auto ranks = static_cast<std::size_t>(group.size()),
             rank = static_cast<std::size_t>(group.rank());
  std::vector<double> parts(kParts * ranks, 0.0);
  parts[kParts * rank] = static_cast<double>(own.bytes);
  for (std::size_t i = 0; i < 8; ++i) {
    parts[kParts * rank + 1 + i] = std::stoi(own.fingerprint.substr(4 * i, 4), nullptr, 16);
  }
  group.all_reduce_sum(parts, "exchange of checkpoint fingerprints");
  std::vector<CheckpointFile> all(ranks);
  for (std::size_t r = 0; r < ranks; ++r) {
    all[r].bytes = static_cast<std::uint64_t>(parts[kParts * r]);
    for (std::size_t i = 0; i < 8; ++i) {
      all[r].fingerprint += fmt::format("{:04x}", static_cast<int>(parts[kParts * r + 1 + i]));
    }
  }
  return all;
}

/// Runs `work` and turns what it throws into text.
template <class Work>
std::string fault_of(Work work) {
  try {
    work();
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

/// The thread that calls this gives way to those that compute.
void give_way() { (void)::setpriority(PRIO_PROCESS, 0, 10); }

}  // namespace

CheckpointWriter::CheckpointWriter(fs::path folder, const Group& group, const KeepPolicy& keep,
                                   const Log& log)
    : folder_(std::move(folder)), group_(group), keep_(keep), log_(log) {}

CheckpointWriter::~CheckpointWriter() {
  if (part_.valid()) part_.wait();
}

fs::path CheckpointWriter::target() const { return folder_ / checkpoint_name(state_.step); }

void CheckpointWriter::start(ShardedModel& model, const TrainState& state, bool copy) {
  finish();
  begin(model, state, copy);
}

void CheckpointWriter::save(ShardedModel& model, const TrainState& state) {
  finish();
  copies_.clear();  // a run that saves and waits needs no second set of slices
  begin(model, state, /*copy=*/false);
  run_to_end();
  if (fault_.empty()) return;
  throw DataError(
      fmt::format("the checkpoint of step {} could not be written: {}", state.step, fault_),
      "if the disk is full, free some space; the same command goes on from the last good "
      "checkpoint");
}

void CheckpointWriter::finish() { run_to_end(); }

void CheckpointWriter::begin(ShardedModel& model, const TrainState& state, bool copy) {
  begun_ = std::chrono::steady_clock::now();
  model_ = &model;
  state_ = state;
  fault_.clear();
  std::string own;
  if (group_.is_root()) {
    own = fault_of([&] {
      remove_checkpoint(target());  // what an earlier, abandoned save of this step left
      make_folders(target());
    });
  }
  if (const auto fault = agreed_fault(group_, own, "start of a checkpoint"); !fault.empty())
    return give_up(fault);
  phase_ = Phase::kWriting;
  // Replicas hold the same slices: those of the first copy of the model are written, once.
  if (!model.mesh().speaks()) return;
  auto slices = checkpoint_slices(model);
  if (copy) {
    if (copies_.empty()) {
      for (const auto& [name, tensor] : slices) {
        copies_.emplace_back(name, at::empty(tensor.sizes(), tensor.options().device(at::kCPU)));
      }
    }
    for (std::size_t i = 0; i < slices.size(); ++i) copies_[i].second.copy_(slices[i].second);
    slices = copies_;
  } else {
    for (auto& [name, tensor] : slices) tensor = tensor.cpu();
  }
  const int part = model.mesh().shard.rank();
  part_ = std::async(std::launch::async, [this, copy, slices = std::move(slices),
                                          path = target() / checkpoint_rank_file(part)] {
    if (copy) give_way();
    return fault_of([&] {
      write_safetensors(path, slices);
      own_file_ = {.bytes = fs::file_size(path), .fingerprint = fingerprint_file(path)};
    });
  });
}

void CheckpointWriter::publish() {
  phase_ = Phase::kPublishing;
  // Who has nothing more to do leaves part_ invalid: its part is done.
  if (!model_->mesh().speaks()) return;
  const auto files = exchange_files(own_file_, model_->mesh().shard);
  if (!group_.is_root()) return;
  part_ = std::async(std::launch::async, [this, path = target(),
                                          text = checkpoint_manifest(*model_, state_, files)] {
    give_way();
    std::string fault = fault_of([&] { write_file_atomic(path / "manifest.json", text); });
    if (!fault.empty()) return fault;
    // The checkpoint is whole; what cannot be listed or removed now is looked at after the next.
    (void)fault_of([&] {
      auto known = known_checkpoints(folder_);
      // A later one is of a history that the run went back from.
      std::erase_if(known, [&](const auto& checkpoint) { return checkpoint.step > state_.step; });
      for (const auto step : checkpoints_to_remove(std::move(known), keep_)) {
        remove_checkpoint(folder_ / checkpoint_name(step));
      }
    });
    return fault;
  });
}

void CheckpointWriter::give_up(const std::string& fault) {
  phase_ = Phase::kIdle;
  fault_ = fault;
  part_fault_.clear();
  if (!group_.is_root()) return;
  remove_checkpoint(target());
  const auto left = checkpoints_newest_first(folder_);
  log_.warn("the checkpoint of step {} could not be written: {}; the run goes on, {}", state_.step,
            fault,
            left.empty() ? "there is no checkpoint yet"
                         : fmt::format("the last good checkpoint is {}", left.front().string()));
}

void CheckpointWriter::expect_first_save_of(ShardedModel& model) {
  constexpr double kSlowDisk = 100e6;  // bytes a second, of a rank among others
  double bytes = 0;
  for (const auto& [name, tensor] : checkpoint_slices(model)) bytes += static_cast<double>(tensor.nbytes());
  last_s_ = bytes / kSlowDisk;
}

std::array<double, CheckpointWriter::kVotes> CheckpointWriter::votes() {
  if (!busy()) return {0, 0};
  if (part_.valid() && part_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
    part_fault_ = part_.get();
  }
  return {part_.valid() ? 0.0 : 1.0, part_fault_.empty() ? 0.0 : 1.0};
}

void CheckpointWriter::advance(std::span<const double> sums) {
  if (!busy() || sums[0] < group_.size()) return;
  if (sums[1] > 0)
    return give_up(agreed_fault(group_, std::exchange(part_fault_, ""), "why a checkpoint failed"));
  if (phase_ == Phase::kWriting) return publish();
  phase_ = Phase::kIdle;
  last_s_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
}

void CheckpointWriter::run_to_end() {
  while (busy()) {
    // Not until it is done: who has nothing to write would wait in the exchange until the time-out.
    if (part_.valid()) part_.wait_for(std::chrono::milliseconds(500));
    auto sums = votes();
    group_.all_reduce_sum(sums, "end of a checkpoint's writing");
    advance(sums);
  }
}

}  // namespace anneal
