#include "parallel/fake_group.h"

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>

#include "base/random.h"

namespace anneal {

namespace {

using Clock = std::chrono::steady_clock;

/// What a rank brings to an operation.
struct Part {
  bool here = false;
  const void* in = nullptr;
  void* out = nullptr;
  int color = 0;
};

/// One collective: complete when all have arrived, failed when one says something else.
struct Operation {
  std::string kind;
  std::size_t count = 0;
  std::string label;
  std::vector<Part> parts;
  std::vector<int> ranks;  // of the run, by part
  int arrived = 0;
  bool done = false;
  std::string fault;
};

/// What all groups of a run share.
struct Run {
  explicit Run(FakeOptions given) : options(std::move(given)), collectives(options.size, 0) {}
  FakeOptions options;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::int64_t> collectives;  // started so far, by rank of the run
  int ended = 0, stalled = 0;
};

/// Where the ranks of one group meet. All members are under the run's mutex.
struct Meeting {
  explicit Meeting(std::vector<int> ranks)
      : ranks(std::move(ranks)), started(this->ranks.size(), 0) {}
  std::vector<int> ranks;  // of the run
  std::vector<std::uint64_t> started;
  std::map<std::uint64_t, std::shared_ptr<Operation>> open;
};

using Complete = std::function<void(Operation&)>;

class FakeWork : public WorkImpl {
 public:
  FakeWork(std::shared_ptr<Run> run, std::shared_ptr<Operation> operation, int rank,
           std::shared_ptr<std::string> place, std::function<void()> delay)
      : run_(std::move(run)),
        operation_(std::move(operation)),
        rank_(rank),
        place_(std::move(place)),
        delay_(std::move(delay)) {}
  ~FakeWork() override {
    if (waited_) return;
    // The caller is being unwound and its buffers go: nobody may write into them any more.
    const std::lock_guard lock(run_->mutex);
    if (!operation_->done && operation_->fault.empty())
      operation_->fault =
          fmt::format("rank {} gave up {}", operation_->ranks[rank_], operation_->label);
    run_->changed.notify_all();
  }
  void wait() override {
    delay_();
    std::unique_lock lock(run_->mutex);
    const auto start = Clock::now();
    const auto most = std::chrono::duration<double>(run_->options.timeout_s);
    const bool came = run_->changed.wait_for(
        lock, most, [&] { return operation_->done || !operation_->fault.empty(); });
    if (operation_->done) {
      waited_ = true;
      return;
    }
    if (came)
      throw CommunicationError(
          fmt::format("rank {}: {}", operation_->ranks[rank_], operation_->fault));
    std::string missing;
    for (std::size_t r = 0; r < operation_->parts.size(); ++r) {
      if (operation_->parts[r].here) continue;
      missing += fmt::format("{}rank {}", missing.empty() ? "" : ", ", operation_->ranks[r]);
    }
    throw waited_too_long(operation_->ranks[rank_], operation_->label, *place_,
                          std::chrono::duration<double>(Clock::now() - start).count(), missing);
  }

 private:
  std::shared_ptr<Run> run_;
  std::shared_ptr<Operation> operation_;
  int rank_;
  std::shared_ptr<std::string> place_;
  std::function<void()> delay_;
  bool waited_ = false;
};

class FakeGroup : public GroupImpl {
 public:
  FakeGroup(std::shared_ptr<Run> run, std::shared_ptr<Meeting> meeting, int rank, int rank_of_run)
      : run_(std::move(run)),
        meeting_(std::move(meeting)),
        rank_(rank),
        rank_of_run_(rank_of_run) {}
  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(meeting_->ranks.size()); }

  Work all_gather(void* all, std::size_t count, NumberType type,
                  const std::string& label) override {
    return start("all-gather", count * bytes_of(type), label, {.out = all}, [](Operation& op) {
      for (std::size_t to = 0; to < op.parts.size(); ++to) {
        for (std::size_t from = 0; from < op.parts.size(); ++from) {
          if (from == to) continue;
          std::memcpy(static_cast<char*>(op.parts[to].out) + from * op.count,
                      static_cast<const char*>(op.parts[from].out) + from * op.count, op.count);
        }
      }
    });
  }
  Work reduce_scatter(const void* all, float* slice, std::size_t count, NumberType type,
                      const std::string& label) override {
    return start("reduce-scatter", count, label, {.in = all, .out = slice}, [type](Operation& op) {
      for (std::size_t to = 0; to < op.parts.size(); ++to) {
        std::vector<float> sum(op.count, 0.0f);
        for (const auto& part : op.parts) {
          take</*kAdd=*/true>(type,
                              static_cast<const char*>(part.in) + to * op.count * bytes_of(type),
                              sum.data(), op.count);
        }
        std::memcpy(op.parts[to].out, sum.data(), op.count * sizeof(float));
      }
    });
  }
  Work all_reduce(float* values, std::size_t count, const std::string& label) override {
    return start("all-reduce", count, label, {.out = values}, sum_up<float>);
  }
  void all_reduce_sum(std::span<double> values, const std::string& label) override {
    start("all-reduce", values.size(), label, {.out = values.data()}, sum_up<double>).wait();
  }
  void broadcast(void* bytes, std::size_t size, int root, const std::string& label) override {
    start("broadcast", size, label, {.out = bytes}, [root](Operation& op) {
      for (std::size_t to = 0; to < op.parts.size(); ++to) {
        if (static_cast<int>(to) != root)
          std::memcpy(op.parts[to].out, op.parts[root].out, op.count);
      }
    }).wait();
  }
  void barrier(const std::string& label) override {
    start("barrier", 0, label, {}, [](Operation&) {}).wait();
  }
  std::shared_ptr<GroupImpl> split(int color, const std::string& label) override {
    struct Result {
      std::shared_ptr<Meeting> meeting;
      int rank = 0;
    } result;
    start("split", 0, label, {.out = &result, .color = color}, [](Operation& op) {
      std::map<int, std::vector<int>> members;
      for (std::size_t r = 0; r < op.parts.size(); ++r) {
        auto& ranks = members[op.parts[r].color];
        static_cast<Result*>(op.parts[r].out)->rank = static_cast<int>(ranks.size());
        ranks.push_back(op.ranks[r]);
      }
      std::map<int, std::shared_ptr<Meeting>> meetings;
      for (const auto& [which, ranks] : members) meetings[which] = std::make_shared<Meeting>(ranks);
      for (const auto& part : op.parts)
        static_cast<Result*>(part.out)->meeting = meetings[part.color];
    }).wait();
    return std::make_shared<FakeGroup>(run_, result.meeting, result.rank, rank_of_run_);
  }
  [[noreturn]] void abort(int exit_code) override {
    throw CommunicationError(
        fmt::format("rank {} ended the job with exit code {}", rank_, exit_code));
  }

 private:
  template <class T>
  static void sum_up(Operation& op) {
    std::vector<T> sum(op.count, T(0));
    for (const auto& part : op.parts) {
      const T* values = static_cast<const T*>(part.out);
      for (std::size_t i = 0; i < op.count; ++i) sum[i] += values[i];
    }
    for (const auto& part : op.parts) std::memcpy(part.out, sum.data(), op.count * sizeof(T));
  }

  Work start(const std::string& kind, std::size_t count, const std::string& label, Part part,
             const Complete& complete) {
    std::unique_lock lock(run_->mutex);
    const std::int64_t number = ++run_->collectives[rank_of_run_];
    lock.unlock();
    suffer(number, label);
    delay(2 * number);
    lock.lock();
    const std::uint64_t index = meeting_->started[rank_]++;
    auto& operation = meeting_->open[index];
    if (!operation) {
      operation =
          std::make_shared<Operation>(Operation{.kind = kind, .count = count, .label = label});
      operation->parts.resize(meeting_->ranks.size());
      operation->ranks = meeting_->ranks;
    }
    auto op = operation;
    part.here = true;
    op->parts[rank_] = part;
    if (op->kind != kind || op->count != count || op->label != label) {
      op->fault = fmt::format("rank {} calls {} ({}, {}) where another rank calls {} ({}, {})",
                              rank_of_run_, label, kind, count, op->label, op->kind, op->count);
    }
    if (++op->arrived == size()) {
      if (op->fault.empty()) {
        complete(*op);
        op->done = true;
      }
      meeting_->open.erase(index);
    }
    run_->changed.notify_all();
    return Work(std::make_unique<FakeWork>(run_, op, rank_, place(),
                                           [this, number] { delay(2 * number + 1); }));
  }

  /// A fault that was asked for.
  void suffer(std::int64_t number, const std::string& label) {
    for (const auto& fault : run_->options.faults) {
      if (fault.rank != rank_of_run_ || fault.collective != number) continue;
      if (fault.kind == FakeFault::Kind::kStall) {
        std::unique_lock lock(run_->mutex);
        ++run_->stalled;
        run_->changed.notify_all();
        run_->changed.wait(lock, [&] { return run_->ended + run_->stalled >= run_->options.size; });
      }
      throw CommunicationError(fmt::format("rank {} was made to {} at {}", rank_of_run_,
                                           fault.kind == FakeFault::Kind::kStall ? "stall" : "fail",
                                           label));
    }
  }

  void delay(std::int64_t number) const {
    if (run_->options.longest_delay_s <= 0) return;
    Random random(derive_key({run_->options.seed, static_cast<std::uint64_t>(rank_of_run_)}),
                  static_cast<std::uint64_t>(number));
    std::this_thread::sleep_for(
        std::chrono::duration<double>(random.uniform() * run_->options.longest_delay_s));
  }

  std::shared_ptr<Run> run_;
  std::shared_ptr<Meeting> meeting_;
  int rank_, rank_of_run_;
};

}  // namespace

std::vector<std::exception_ptr> run_fake_ranks(const FakeOptions& options,
                                               const std::function<void(const Group&)>& body) {
  auto run = std::make_shared<Run>(options);
  std::vector<int> ranks(options.size);
  std::iota(ranks.begin(), ranks.end(), 0);
  auto meeting = std::make_shared<Meeting>(ranks);
  std::vector<std::exception_ptr> thrown(options.size);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < options.size; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        body(Group(std::make_shared<FakeGroup>(run, meeting, rank, rank)));
      } catch (...) {
        thrown[rank] = std::current_exception();
      }
      const std::lock_guard lock(run->mutex);
      ++run->ended;
      run->changed.notify_all();
    });
  }
  for (auto& thread : threads) thread.join();
  return thrown;
}

std::string what_of(const std::exception_ptr& thrown) {
  if (!thrown) return "";
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "something that is no exception";
  }
}

}  // namespace anneal
