// Ranks that work together. `Group` is a copyable value over an abstract backend (mpi, solo, fake);
// size 1 runs the same code. All ranks must call the same operations in the same order.
// Buffers are flat fp32; a rank exchanges at most 2^30 elements at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>

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

/// What a backend implements. `label` names the operation in error messages.
class GroupImpl {
 public:
  virtual ~GroupImpl() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual Work all_gather(float* all, std::size_t count_per_rank, const std::string& label) = 0;
  virtual Work reduce_scatter(float* all, float* slice, std::size_t count_per_rank,
                              const std::string& label) = 0;
  virtual void all_reduce_sum(std::span<double> values, const std::string& label) = 0;
  virtual void broadcast(void* bytes, std::size_t size, int root, const std::string& label) = 0;
  virtual void barrier(const std::string& label) = 0;
  [[noreturn]] virtual void abort(int exit_code) = 0;
};

class Group {
 public:
  explicit Group(std::shared_ptr<GroupImpl> impl) : impl_(std::move(impl)) {}
  int rank() const { return impl_->rank(); }
  int size() const { return impl_->size(); }
  bool is_root() const { return rank() == 0; }

  /// In place: on entry rank r's part is all[r * count_per_rank, ...); on completion all parts are
  /// there on every rank.
  Work all_gather(float* all, std::size_t count_per_rank, const std::string& label) const {
    return impl_->all_gather(all, count_per_rank, label);
  }
  /// slice[i] = sum over ranks of their all[rank() * count_per_rank + i], in a fixed order.
  Work reduce_scatter(float* all, float* slice, std::size_t count_per_rank,
                      const std::string& label) const {
    return impl_->reduce_scatter(all, slice, count_per_rank, label);
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

}  // namespace anneal
