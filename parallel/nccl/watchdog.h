// Notices collectives that a GPU does not finish: the host only queues them, so nobody waits who
// could tell. A thread asks their events in order; after the time-out it says which operation
// hangs, where, and ends the job with exit code 4.
#pragma once

#include <ATen/cuda/CUDAEvent.h>
#include <nccl.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace anneal {

class NcclWatchdog {
 public:
  /// `end_job` is called once, from the thread, with the message.
  NcclWatchdog(int device, std::shared_ptr<double> timeout_s,
               std::function<void(const std::string&)> end_job);
  ~NcclWatchdog();
  NcclWatchdog(const NcclWatchdog&) = delete;
  NcclWatchdog& operator=(const NcclWatchdog&) = delete;

  /// The operation that ends with `event`, which lies in the stream already.
  void watch(std::shared_ptr<at::cuda::CUDAEvent> event, ncclComm_t comm, std::string what);

 private:
  using Clock = std::chrono::steady_clock;
  struct Watched {
    std::shared_ptr<at::cuda::CUDAEvent> event;
    ncclComm_t comm;
    std::string what;
    Clock::time_point since;
  };
  void run();

  int device_;
  std::shared_ptr<double> timeout_s_;
  std::function<void(const std::string&)> end_job_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Watched> watched_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace anneal
