// Group over MPI. Every collective is non-blocking and waited for with MPI_Test, so that a rank that
// hangs or died is noticed after a time-out instead of never.
#include "parallel/mpi_world.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include <mpi.h>
#include <unistd.h>

#include "base/error.h"
#include "parallel/mpi_reduce_scatter.h"

namespace anneal {

namespace {

constexpr std::size_t kLargestCount = 1u << 30;  // MPI counts are int
constexpr std::uint64_t kMostTags = 32000;       // every MPI takes tags up to 32767

void check(int code, const char* call, const std::string& label, int rank) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw CommunicationError(
      fmt::format("rank {}: {} failed in {}: {}", rank, call, label, std::string(text, length)),
      "see the messages of mpirun above; a rank that ended takes the others with it");
}

std::string host_name() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

class MpiWork : public WorkImpl {
 public:
  MpiWork(std::vector<MPI_Request> requests, int rank, std::string label,
          std::shared_ptr<double> timeout_s, bool patient,
          std::shared_ptr<MpiReduceScatter> reduction = nullptr)
      : requests_(std::move(requests)),
        rank_(rank),
        label_(std::move(label)),
        timeout_s_(std::move(timeout_s)),
        patient_(patient),
        reduction_(std::move(reduction)) {}
  ~MpiWork() override {
    // An exception is on its way: the job ends, the library must not touch freed buffers first.
    for (auto& request : requests_) {
      if (request != MPI_REQUEST_NULL) MPI_Request_free(&request);
    }
  }
  void wait() override {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    for (std::int64_t spins = 0;; ++spins) {
      if (advance()) return;
      if (patient_ && spins > 200) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      } else if (spins > 20) {
        std::this_thread::yield();
      }
      if (spins % 256 == 255) {
        const double waited_s = std::chrono::duration<double>(Clock::now() - start).count();
        if (!patient_ && waited_s > *timeout_s_) {
          throw CommunicationError(
              fmt::format("rank {} on {}: {} has waited {:.0f} s for the other ranks", rank_,
                          host_name(), label_, waited_s),
              "a rank hangs, died or is much slower; raise train.watchdog_s if the work is long");
        }
      }
    }
  }

 private:
  /// True when all is complete.
  bool advance() {
    if (reduction_) {
      bool done = false;
      check(reduction_->advance(done), "exchange of a reduce-scatter", label_, rank_);
      return done;
    }
    int done = 0;
    check(MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &done, MPI_STATUSES_IGNORE),
          "MPI_Testall", label_, rank_);
    return done != 0;
  }

  std::vector<MPI_Request> requests_;
  int rank_;
  std::string label_;
  std::shared_ptr<double> timeout_s_;
  bool patient_;  // long waits are expected: sleep instead of spinning
  std::shared_ptr<MpiReduceScatter> reduction_;
};

class MpiGroup : public GroupImpl {
 public:
  MpiGroup(MPI_Comm comm, std::shared_ptr<double> timeout_s)
      : comm_(comm), timeout_s_(std::move(timeout_s)) {
    check(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler", "start", -1);
    check(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank", "start", -1);
    check(MPI_Comm_size(comm_, &size_), "MPI_Comm_size", "start", rank_);
  }
  int rank() const override { return rank_; }
  int size() const override { return size_; }

  Work all_gather(float* all, std::size_t count, const std::string& label) override {
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Iallgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all, checked_count(count, label),
                         MPI_FLOAT, comm_, &request),
          "MPI_Iallgather", label, rank_);
    return work({request}, label, /*patient=*/false);
  }
  Work reduce_scatter(float* all, float* slice, std::size_t count,
                      const std::string& label) override {
    checked_count(count, label);
    const int tag = 1 + static_cast<int>(num_reductions_++ % kMostTags);
    auto reduction = std::make_shared<MpiReduceScatter>(comm_, rank_, size_, all, slice, count, tag);
    return Work(std::make_unique<MpiWork>(std::vector<MPI_Request>{}, rank_, label, timeout_s_,
                                          /*patient=*/false, std::move(reduction)));
  }
  void all_reduce_sum(std::span<double> values, const std::string& label) override {
    // Gather and add in rank order: the same bits on every rank, whatever algorithm MPI would choose.
    std::vector<double> all(values.size() * size_);
    MPI_Request request = MPI_REQUEST_NULL;
    const int count = checked_count(values.size(), label);
    check(MPI_Iallgather(values.data(), count, MPI_DOUBLE, all.data(), count, MPI_DOUBLE, comm_,
                         &request),
          "MPI_Iallgather", label, rank_);
    work({request}, label, /*patient=*/false).wait();
    for (std::size_t i = 0; i < values.size(); ++i) {
      double sum = 0;
      for (int r = 0; r < size_; ++r) sum += all[r * values.size() + i];
      values[i] = sum;
    }
  }
  void broadcast(void* bytes, std::size_t size, int root, const std::string& label) override {
    auto* at = static_cast<char*>(bytes);
    while (size > 0) {
      const std::size_t part = std::min(size, kLargestCount);
      MPI_Request request = MPI_REQUEST_NULL;
      check(MPI_Ibcast(at, static_cast<int>(part), MPI_BYTE, root, comm_, &request), "MPI_Ibcast",
            label, rank_);
      work({request}, label, /*patient=*/true).wait();
      at += part;
      size -= part;
    }
  }
  void barrier(const std::string& label) override {
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Ibarrier(comm_, &request), "MPI_Ibarrier", label, rank_);
    work({request}, label, /*patient=*/true).wait();
  }
  [[noreturn]] void abort(int exit_code) override {
    MPI_Abort(MPI_COMM_WORLD, exit_code);
    std::_Exit(exit_code);
  }

 private:
  int checked_count(std::size_t count, const std::string& label) const {
    if (count > kLargestCount) {
      throw CommunicationError(fmt::format("{}: {} elements a rank are more than MPI takes at once ({})",
                                           label, count, kLargestCount),
                               "use more ranks");
    }
    return static_cast<int>(count);
  }
  Work work(std::vector<MPI_Request> requests, const std::string& label, bool patient) const {
    return Work(std::make_unique<MpiWork>(std::move(requests), rank_, label, timeout_s_, patient));
  }
  MPI_Comm comm_;
  std::shared_ptr<double> timeout_s_;
  int rank_ = 0, size_ = 1;
  std::uint64_t num_reductions_ = 0;
};

}  // namespace

bool started_by_mpi() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"}) {
    if (std::getenv(name) != nullptr) return true;
  }
  return false;
}

World::World() : group_(make_solo_group()), timeout_s_(std::make_shared<double>(kDefaultTimeoutS)) {
  if (!started_by_mpi()) return;
  int provided = 0;
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided) != MPI_SUCCESS) {
    throw CommunicationError("MPI_Init_thread failed", "start the program with mpirun");
  }
  owns_mpi_ = true;
  group_ = Group(std::make_shared<MpiGroup>(MPI_COMM_WORLD, timeout_s_));
  MPI_Comm node = MPI_COMM_NULL;
  check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node),
        "MPI_Comm_split_type", "start", group_.rank());
  check(MPI_Comm_size(node, &ranks_on_node_), "MPI_Comm_size", "start", group_.rank());
  MPI_Comm_free(&node);
}

World::~World() {
  if (!owns_mpi_) return;
  group_ = make_solo_group();
  MPI_Finalize();
}

void World::set_timeout(double seconds) { *timeout_s_ = seconds; }

}  // namespace anneal
