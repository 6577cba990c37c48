// Work on a stream in batches: read in order by one thread at a time, worked on by several, written
// in the order of reading.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/processors.h"

namespace anneal {

/// `read` gives the next batch, nothing at the end; `work` makes a result of it; `write` takes the
/// results in the order of reading. Every thread (this one is among the `threads`; 0: as many as
/// processors) reads a batch, works on it, and writes what is due, so that a batch's memory mostly stays on one thread; at most
/// four batches a thread are under way. `read` and `write` are never called twice at a time. The
/// first exception ends everything and comes out of the call; results before it may be written.
template <class Batch, class Result>
class OrderedBatches {
 public:
  using Read = std::function<std::optional<Batch>()>;
  using Work = std::function<Result(Batch)>;
  using Write = std::function<void(Result)>;

  OrderedBatches(int threads, Read read, Work work, Write write)
      : threads_(threads_or_processors(threads)),
        read_(std::move(read)),
        work_(std::move(work)),
        write_(std::move(write)) {}

  void run() {
    std::vector<std::future<void>> others;
    for (int t = 1; t < threads_; ++t) {
      others.push_back(std::async(std::launch::async, [this] { loop(); }));
    }
    loop();
    for (auto& other : others) other.get();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void loop() {
    try {
      while (auto batch = next()) {
        const std::size_t number = batch->first;
        finish(number, work_(std::move(batch->second)));
      }
    } catch (...) {
      const std::lock_guard lock(state_);
      if (!failure_) failure_ = std::current_exception();
      room_.notify_all();
    }
  }

  std::optional<std::pair<std::size_t, Batch>> next() {
    const std::lock_guard turn(reading_);
    {
      std::unique_lock lock(state_);
      room_.wait(lock, [&] {
        return failure_ || number_ - written_ < 4 * static_cast<std::size_t>(threads_);
      });
      if (failure_ || ended_) return std::nullopt;
    }
    auto batch = read_();
    if (!batch) {
      const std::lock_guard lock(state_);
      ended_ = true;
      return std::nullopt;
    }
    return std::pair{number_++, *std::move(batch)};
  }

  void finish(std::size_t number, Result result) {
    std::unique_lock lock(state_);
    done_.emplace(number, std::move(result));
    if (writing_) return;  // whoever writes takes it
    writing_ = true;
    while (!failure_ && !done_.empty() && done_.begin()->first == written_) {
      auto due = done_.extract(done_.begin());
      lock.unlock();
      write_(std::move(due.mapped()));
      lock.lock();
      ++written_;
      room_.notify_all();
    }
    writing_ = false;
  }

  const int threads_;
  const Read read_;
  const Work work_;
  const Write write_;
  std::mutex reading_;      // held while a batch is read, or while room is waited for
  std::size_t number_ = 0;  // of the next batch; changed under reading_
  std::mutex state_;        // all that follows
  std::condition_variable room_;
  std::map<std::size_t, Result> done_;
  std::size_t written_ = 0;
  bool writing_ = false, ended_ = false;
  std::exception_ptr failure_;
};

}  // namespace anneal
