#include "parallel/nccl/nccl_group.h"

#include <ATen/ATen.h>
#include <ATen/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <cstdio>
#include <utility>

#include "parallel/nccl/check.h"
#include "parallel/nccl/watchdog.h"

namespace anneal {

namespace {

using Event = std::shared_ptr<at::cuda::CUDAEvent>;

ncclDataType_t nccl_type(NumberType type) {
  return type == NumberType::kFp32 ? ncclFloat32 : ncclBfloat16;
}

/// One role: a communicator and the stream its operations run in.
class Channel {
 public:
  Channel(const Group& control, int device, const std::string& role)
      : stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/true,
                                             static_cast<c10::DeviceIndex>(device))) {
    ncclUniqueId id{};
    if (control.is_root()) check_nccl(ncclGetUniqueId(&id), "ncclGetUniqueId", role);
    control.broadcast(&id, sizeof id, /*root=*/0,
                      "identifier of the NCCL communicator for " + role);
    check_nccl(ncclCommInitRank(&comm_, control.size(), id, control.rank()), "ncclCommInitRank",
               role);
  }
  ~Channel() {
    if (comm_ == nullptr) return;
    cudaStreamSynchronize(stream_.stream());
    ncclCommDestroy(comm_);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  ncclComm_t comm() const { return comm_; }
  c10::cuda::CUDAStream stream() const { return stream_; }
  /// What the current stream has queued so far comes first.
  void follow_current() {
    ready_.record(c10::cuda::getCurrentCUDAStream());
    ready_.block(stream_);
  }
  Event done() const {
    auto event = std::make_shared<at::cuda::CUDAEvent>();
    event->record(stream_);
    return event;
  }

 private:
  ncclComm_t comm_ = nullptr;
  c10::cuda::CUDAStream stream_;
  at::cuda::CUDAEvent ready_;
};

class NcclWork : public WorkImpl {
 public:
  explicit NcclWork(Event done) : done_(std::move(done)) {}
  void wait() override { done_->block(c10::cuda::getCurrentCUDAStream()); }

 private:
  Event done_;
};

class NcclGroup : public GroupImpl {
 public:
  NcclGroup(Group control, int device, std::shared_ptr<double> timeout_s)
      : control_(std::move(control)),
        device_(device),
        timeout_s_(timeout_s),
        gather_(control_, device, "all-gather"),
        scatter_(control_, device, "reduce-scatter"),
        reduce_(control_, device, "all-reduce"),
        watchdog_(device, std::move(timeout_s), [this](const std::string& message) {
          std::fprintf(
              stderr,
              "anneal: error: rank %d on %s: %s\nhint: a rank hangs, died or is much slower; "
              "raise train.watchdog_s if the work is long\n",
              control_.rank(), host_name().c_str(), message.c_str());
          std::fflush(stderr);
          control_.abort(static_cast<int>(ExitCode::kCommunication));
        }) {}
  int rank() const override { return control_.rank(); }
  int size() const override { return control_.size(); }

  Work all_gather(void* all, std::size_t count, NumberType type,
                  const std::string& label) override {
    const auto* own =
        static_cast<const char*>(all) + count * bytes_of(type) * static_cast<std::size_t>(rank());
    gather_.follow_current();
    check_nccl(
        ncclAllGather(own, all, count, nccl_type(type), gather_.comm(), gather_.stream().stream()),
        "ncclAllGather", label);
    return work(gather_, label);
  }
  Work reduce_scatter(const void* all, float* slice, std::size_t count, NumberType type,
                      const std::string& label) override {
    scatter_.follow_current();
    void* target = slice;
    at::Tensor narrow;  // of the stream it is used in: the allocator needs no further word
    const c10::cuda::CUDAStreamGuard guard(scatter_.stream());
    if (type != NumberType::kFp32) {
      narrow = at::empty({static_cast<std::int64_t>(count)}, options(at::kBFloat16));
      target = narrow.data_ptr();
    }
    check_nccl(ncclReduceScatter(all, target, count, nccl_type(type), ncclSum, scatter_.comm(),
                                 scatter_.stream().stream()),
               "ncclReduceScatter", label);
    if (narrow.defined()) {
      at::from_blob(slice, {static_cast<std::int64_t>(count)}, options(at::kFloat)).copy_(narrow);
    }
    return work(scatter_, label);
  }
  Work all_reduce(float* values, std::size_t count, const std::string& label) override {
    reduce_.follow_current();
    check_nccl(ncclAllReduce(values, values, count, ncclFloat32, ncclSum, reduce_.comm(),
                             reduce_.stream().stream()),
               "ncclAllReduce", label);
    return work(reduce_, label);
  }
  void all_reduce_sum(std::span<double> values, const std::string& label) override {
    control_.all_reduce_sum(values, label);
  }
  void broadcast(void* bytes, std::size_t size, int root, const std::string& label) override {
    control_.broadcast(bytes, size, root, label);
  }
  void barrier(const std::string& label) override { control_.barrier(label); }
  std::shared_ptr<GroupImpl> split(int color, const std::string& label) override {
    return std::make_shared<NcclGroup>(control_.split(color, label), device_, timeout_s_);
  }
  [[noreturn]] void abort(int exit_code) override { control_.abort(exit_code); }

 private:
  at::TensorOptions options(at::ScalarType type) const {
    return at::TensorOptions().dtype(type).device(at::kCUDA,
                                                  static_cast<c10::DeviceIndex>(device_));
  }
  Work work(const Channel& channel, const std::string& label) {
    Event done = channel.done();
    watchdog_.watch(done, channel.comm(), label + (place()->empty() ? "" : " in " + *place()));
    return Work(std::make_unique<NcclWork>(std::move(done)));
  }

  Group control_;
  int device_;
  std::shared_ptr<double> timeout_s_;
  Channel gather_, scatter_, reduce_;
  NcclWatchdog watchdog_;  // last: it goes first, while the channels are there
};

}  // namespace

Group make_nccl_group(const Group& control, int device, std::shared_ptr<double> timeout_s) {
  return Group(std::make_shared<NcclGroup>(control, device, std::move(timeout_s)));
}

}  // namespace anneal
