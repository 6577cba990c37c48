// Ranks that work together. `Group` is a copyable value over an abstract backend (mpi, solo, nccl
// over mpi, and in tests fake); size 1 runs the same code. All ranks must call the same operations
// in the same order. A rank exchanges at most 2^30 numbers at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"
#include "parallel/numbers.h"

namespace anneal {

/// An operation under way. The buffers belong to it until `wait` has returned.
class WorkImpl {
 public:
  virtual ~WorkImpl() = default;
  /// Returns when the operation is complete. Throws CommunicationError after the group's time-out.
  virtual void wait() = 0;
};

class Work {
 public:
  Work() = default;
  explicit Work(std::unique_ptr<WorkImpl> impl) : impl_(std::move(impl)) {}
  void wait() {
    if (impl_) impl_->wait();
    impl_.reset();
  }
  bool pending() const { return impl_ != nullptr; }

 private:
  std::unique_ptr<WorkImpl> impl_;
};

/// What a backend implements. `label` names the operation and its unit in error messages.
class GroupImpl {
 public:
  virtual ~GroupImpl() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual Work all_gather(void* all, std::size_t count_per_rank, NumberType type,
                          const std::string& label) = 0;
  virtual Work reduce_scatter(const void* all, float* slice, std::size_t count_per_rank,
                              NumberType type, const std::string& label) = 0;
  virtual Work all_reduce(float* values, std::size_t count, const std::string& label) = 0;
  virtual void all_reduce_sum(std::span<double> values, const std::string& label) = 0;
  virtual void broadcast(void* bytes, std::size_t size, int root, const std::string& label) = 0;
  virtual void barrier(const std::string& label) = 0;
  virtual std::shared_ptr<GroupImpl> split(int color, const std::string& label) = 0;
  [[noreturn]] virtual void abort(int exit_code) = 0;

  /// Where the caller is ("step 12"), for messages; shared with the groups that were split off.
  const std::shared_ptr<std::string>& place() const { return place_; }
  void share_place(std::shared_ptr<std::string> place) { place_ = std::move(place); }

 private:
  std::shared_ptr<std::string> place_ = std::make_shared<std::string>();
};

class Group {
 public:
  explicit Group(std::shared_ptr<GroupImpl> impl) : impl_(std::move(impl)) {}
  int rank() const { return impl_->rank(); }
  int size() const { return impl_->size(); }
  bool is_root() const { return rank() == 0; }

  /// In place: on entry rank r's part is all[r * count_per_rank, ...); on completion all parts are
  /// there on every rank.
  Work all_gather(void* all, std::size_t count_per_rank, NumberType type,
                  const std::string& label) const {
    return impl_->all_gather(all, count_per_rank, type, label);
  }
  /// slice[i] = sum over ranks of their all[rank() * count_per_rank + i], in a fixed order. bf16
  /// numbers travel as such and are added in fp32 (nccl: in bf16, on the way).
  Work reduce_scatter(const void* all, float* slice, std::size_t count_per_rank, NumberType type,
                      const std::string& label) const {
    return impl_->reduce_scatter(all, slice, count_per_rank, type, label);
  }
  /// In place: values[i] = sum over ranks, in a fixed order; every rank gets the same bits.
  Work all_reduce(float* values, std::size_t count, const std::string& label) const {
    return impl_->all_reduce(values, count, label);
  }
  /// Element-wise sums over ranks; every rank gets the same bits.
  void all_reduce_sum(std::span<double> values, const std::string& label) const {
    impl_->all_reduce_sum(values, label);
  }
  /// Copies the root's bytes to all ranks.
  void broadcast(void* bytes, std::size_t size, int root, const std::string& label) const {
    impl_->broadcast(bytes, size, root, label);
  }
  /// The root's string on all ranks.
  std::string broadcast(const std::string& text, const std::string& label) const;
  /// Returns when all ranks have called it; sleeps while waiting, so that the others can compute.
  void barrier(const std::string& label) const { impl_->barrier(label); }
  /// The ranks that gave the same color, in the order of their ranks here. All ranks take part.
  Group split(int color, const std::string& label) const {
    auto part = impl_->split(color, label);
    part->share_place(impl_->place());
    return Group(std::move(part));
  }
  /// Says where the caller is ("step 12"): time-outs repeat it, here and in groups split off.
  void set_place(std::string place) const { *impl_->place() = std::move(place); }
  /// Ends all ranks of the job with this exit code.
  [[noreturn]] void abort(int exit_code) const {
    impl_->abort(exit_code);
    std::terminate();
  }

 private:
  std::shared_ptr<GroupImpl> impl_;
};

/// A group of one.
Group make_solo_group();

/// What a rank says that waited too long in `label` at `place`; `missing` names the ranks that
/// never came, where the backend knows them.
CommunicationError waited_too_long(int rank, const std::string& label, const std::string& place,
                                   double waited_s, const std::string& missing = "");

/// Name of this machine.
std::string host_name();

}  // namespace anneal
