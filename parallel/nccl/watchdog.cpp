#include "parallel/nccl/watchdog.h"

#include <c10/cuda/CUDAGuard.h>
#include <fmt/core.h>

#include <utility>

namespace anneal {

NcclWatchdog::NcclWatchdog(int device, std::shared_ptr<double> timeout_s,
                           std::function<void(const std::string&)> end_job)
    : device_(device),
      timeout_s_(std::move(timeout_s)),
      end_job_(std::move(end_job)),
      thread_([this] { run(); }) {}

NcclWatchdog::~NcclWatchdog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void NcclWatchdog::watch(std::shared_ptr<at::cuda::CUDAEvent> event, ncclComm_t comm,
                         std::string what) {
  const std::lock_guard lock(mutex_);
  watched_.push_back({std::move(event), comm, std::move(what), Clock::now()});
}

void NcclWatchdog::run() {
  const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device_));
  std::unique_lock lock(mutex_);
  while (!stop_) {
    changed_.wait_for(lock, std::chrono::milliseconds(100));
    while (!watched_.empty() && watched_.front().event->query()) {
      watched_.pop_front();
      if (!watched_.empty()) watched_.front().since = Clock::now();
    }
    if (watched_.empty()) continue;
    Watched& oldest = watched_.front();
    ncclResult_t fault = ncclSuccess;
    ncclCommGetAsyncError(oldest.comm, &fault);
    // Operations queue up behind computation: time counts from when this one is the oldest.
    const double waited_s = std::chrono::duration<double>(Clock::now() - oldest.since).count();
    if (fault != ncclSuccess && fault != ncclInProgress) {
      end_job_(fmt::format("{} failed: {}", oldest.what, ncclGetErrorString(fault)));
      return;
    }
    if (waited_s > *timeout_s_) {
      end_job_(fmt::format("{} has waited {:.0f} s for the other ranks", oldest.what, waited_s));
      return;
    }
  }
}

}  // namespace anneal
