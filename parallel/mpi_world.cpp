// Group over MPI. Every collective is non-blocking and waited for with MPI_Test, so that a rank that
// hangs or died is noticed after a time-out instead of never.
#include "parallel/mpi_world.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include <mpi.h>

#include "base/error.h"
#include "parallel/mpi_reduce_scatter.h"
#include "parallel/roll_call.h"

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

MPI_Datatype mpi_type(NumberType type) {
  return type == NumberType::kFp32 ? MPI_FLOAT : MPI_UINT16_T;
}

/// What an operation that is waited for needs to know of its group.
struct Caller {
  int rank;
  std::shared_ptr<double> timeout_s;
  std::shared_ptr<std::string> place;
  RankStatus* status;                   // what this rank is doing
  std::shared_ptr<RollCall> roll_call;  // who is missing; nothing with one rank

  /// Seconds before the time-out at which the others are asked where they are.
  double ask_before_s() const { return std::clamp(*timeout_s / 4, 0.5, 5.0); }
};

/// Waits by asking again and again, until the time-out; `patient`: without end, but saying for whom.
class PolledWork : public WorkImpl {
 public:
  PolledWork(Caller caller, std::string label, bool patient)
      : caller_(std::move(caller)), label_(std::move(label)), patient_(patient) {}
  void wait() override {
    using Clock = std::chrono::steady_clock;
    auto looked = Clock::now();
    double waited_s = 0, limit_s = *caller_.timeout_s;
    bool asked = false;
    caller_.status->begin(label_);
    for (std::int64_t spins = 0;; ++spins) {
      if (advance()) return caller_.status->end();
      if (patient_ && spins > 200) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      } else if (spins > 20) {
        std::this_thread::yield();
      }
      if (spins % 64 != 63) continue;
      if (caller_.roll_call) caller_.roll_call->attend();
      // A rank that was stopped itself has waited for nobody meanwhile.
      const auto now = Clock::now();
      waited_s += std::min(std::chrono::duration<double>(now - looked).count(), 1.0);
      looked = now;
      if (waited_s < limit_s - caller_.ask_before_s()) continue;
      if (caller_.roll_call && !asked) caller_.roll_call->ask();
      asked = true;
      if (waited_s <= limit_s) continue;
      if (!patient_) {
        throw waited_too_long(caller_.rank, label_, *caller_.place, waited_s,
                              caller_.roll_call ? caller_.roll_call->missing() : "");
      }
      say_for_whom(waited_s);
      limit_s += *caller_.timeout_s;
      asked = false;
    }
  }

 protected:
  /// Goes on without waiting; true when all is complete.
  virtual bool advance() = 0;
  bool test(MPI_Request& request) const {
    int done = 0;
    check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test", label_, caller_.rank);
    return done != 0;
  }

  /// One of the ranks that wait speaks.
  void say_for_whom(double waited_s) const {
    if (!caller_.roll_call || !caller_.roll_call->is_first_that_answers()) return;
    std::fputs(fmt::format("warning: {:.0f} s in {}, waiting for {}; there is no limit here, it may be at work\n",
                           waited_s, label_, caller_.roll_call->missing())
                   .c_str(),
               stderr);
  }

  Caller caller_;
  std::string label_;
  bool patient_;  // long waits are expected: sleep instead of spinning
};

class MpiWork : public PolledWork {
 public:
  MpiWork(MPI_Request request, Caller caller, std::string label, bool patient)
      : PolledWork(std::move(caller), std::move(label), patient), request_(request) {}
  ~MpiWork() override {
    // An exception is on its way: the job ends, the library must not touch freed buffers first.
    if (request_ != MPI_REQUEST_NULL) MPI_Request_free(&request_);
  }

 private:
  bool advance() override { return test(request_); }
  MPI_Request request_;
};

class MpiReduceWork : public PolledWork {
 public:
  MpiReduceWork(std::unique_ptr<MpiReduceScatter> reduction, Caller caller, std::string label)
      : PolledWork(std::move(caller), std::move(label), /*patient=*/false),
        reduction_(std::move(reduction)) {}

 protected:
  bool advance() override {
    bool done = false;
    check(reduction_->advance(done), "exchange of a reduction", label_, caller_.rank);
    return done;
  }
  std::unique_ptr<MpiReduceScatter> reduction_;
};

/// Every rank adds one share of the values, then all gather the shares.
class MpiAllReduceWork : public MpiReduceWork {
 public:
  MpiAllReduceWork(std::unique_ptr<MpiReduceScatter> reduction, MPI_Comm comm, float* values,
                   const std::vector<std::size_t>& bounds, Caller caller, std::string label)
      : MpiReduceWork(std::move(reduction), std::move(caller), std::move(label)),
        comm_(comm),
        values_(values) {
    for (std::size_t r = 0; r + 1 < bounds.size(); ++r) {
      begins_.push_back(static_cast<int>(bounds[r]));
      counts_.push_back(static_cast<int>(bounds[r + 1] - bounds[r]));
    }
  }
  ~MpiAllReduceWork() override {
    if (gathering_ != MPI_REQUEST_NULL) MPI_Request_free(&gathering_);
  }

 private:
  bool advance() override {
    if (reduction_) {
      if (!MpiReduceWork::advance()) return false;
      reduction_.reset();
      check(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, values_, counts_.data(), begins_.data(),
                            MPI_FLOAT, comm_, &gathering_),
            "MPI_Iallgatherv", label_, caller_.rank);
    }
    return test(gathering_);
  }
  MPI_Comm comm_;
  float* values_;
  std::vector<int> begins_, counts_;
  MPI_Request gathering_ = MPI_REQUEST_NULL;
};

class MpiGroup : public GroupImpl {
 public:
  MpiGroup(MPI_Comm comm, std::shared_ptr<double> timeout_s, RankStatus* status,
           std::shared_ptr<RollCall> roll_call)
      : comm_(comm), timeout_s_(std::move(timeout_s)), status_(status), roll_call_(std::move(roll_call)) {
    check(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler", "start", -1);
    check(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank", "start", -1);
    check(MPI_Comm_size(comm_, &size_), "MPI_Comm_size", "start", rank_);
  }
  ~MpiGroup() override {
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (comm_ != MPI_COMM_WORLD && !finalized) MPI_Comm_free(&comm_);
  }
  int rank() const override { return rank_; }
  int size() const override { return size_; }

  Work all_gather(void* all, std::size_t count, NumberType type, const std::string& label) override {
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Iallgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all, checked_count(count, label),
                         mpi_type(type), comm_, &request),
          "MPI_Iallgather", label, rank_);
    return work(request, label, /*patient=*/false);
  }
  Work reduce_scatter(const void* all, float* slice, std::size_t count, NumberType type,
                      const std::string& label) override {
    checked_count(count, label);
    std::vector<std::size_t> bounds;
    for (int r = 0; r <= size_; ++r) bounds.push_back(count * static_cast<std::size_t>(r));
    return Work(std::make_unique<MpiReduceWork>(reduction(all, type, slice, bounds), caller(), label));
  }
  Work all_reduce(float* values, std::size_t count, const std::string& label) override {
    checked_count(count, label);
    const auto ranks = static_cast<std::size_t>(size_);
    std::vector<std::size_t> bounds;
    for (std::size_t r = 0; r <= ranks; ++r) bounds.push_back(count * r / ranks);
    auto sums = reduction(values, NumberType::kFp32, values + bounds[rank_], bounds);
    return Work(std::make_unique<MpiAllReduceWork>(std::move(sums), comm_, values, bounds, caller(), label));
  }
  void all_reduce_sum(std::span<double> values, const std::string& label) override {
    // Gather and add in rank order: the same bits on every rank, whatever algorithm MPI would choose.
    std::vector<double> all(values.size() * size_);
    MPI_Request request = MPI_REQUEST_NULL;
    const int count = checked_count(values.size(), label);
    check(MPI_Iallgather(values.data(), count, MPI_DOUBLE, all.data(), count, MPI_DOUBLE, comm_,
                         &request),
          "MPI_Iallgather", label, rank_);
    work(request, label, /*patient=*/false).wait();
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
      work(request, label, /*patient=*/true).wait();
      at += part;
      size -= part;
    }
  }
  void barrier(const std::string& label) override {
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Ibarrier(comm_, &request), "MPI_Ibarrier", label, rank_);
    work(request, label, /*patient=*/true).wait();
  }
  std::shared_ptr<GroupImpl> split(int color, const std::string& label) override {
    MPI_Comm part = MPI_COMM_NULL;
    check(MPI_Comm_split(comm_, color, rank_, &part), "MPI_Comm_split", label, rank_);
    return std::make_shared<MpiGroup>(part, timeout_s_, status_, roll_call_);
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
  Caller caller() const { return {rank_, timeout_s_, place(), status_, roll_call_}; }
  Work work(MPI_Request request, const std::string& label, bool patient) const {
    return Work(std::make_unique<MpiWork>(request, caller(), label, patient));
  }
  std::unique_ptr<MpiReduceScatter> reduction(const void* all, NumberType type, float* sum,
                                              std::vector<std::size_t> bounds) {
    const int tag = 1 + static_cast<int>(num_reductions_++ % kMostTags);
    return std::make_unique<MpiReduceScatter>(comm_, rank_, size_, all, type, sum, std::move(bounds), tag);
  }
  MPI_Comm comm_;
  std::shared_ptr<double> timeout_s_;
  RankStatus* status_;
  std::shared_ptr<RollCall> roll_call_;
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

World::World(RankStatus* status)
    : own_status_(status ? nullptr : std::make_unique<RankStatus>()),
      status_(status ? status : own_status_.get()),
      group_(make_solo_group()),
      timeout_s_(std::make_shared<double>(kDefaultTimeoutS)) {
  if (!started_by_mpi()) return;
  int provided = 0;
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided) != MPI_SUCCESS) {
    throw CommunicationError("MPI_Init_thread failed", "start the program with mpirun");
  }
  owns_mpi_ = true;
  int size = 1;
  check(MPI_Comm_size(MPI_COMM_WORLD, &size), "MPI_Comm_size", "start", -1);
  auto roll_call = size > 1 ? std::make_shared<RollCall>(MPI_COMM_WORLD, *status_) : nullptr;
  group_ = Group(std::make_shared<MpiGroup>(MPI_COMM_WORLD, timeout_s_, status_, std::move(roll_call)));
  MPI_Comm node = MPI_COMM_NULL;
  check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node),
        "MPI_Comm_split_type", "start", group_.rank());
  check(MPI_Comm_size(node, &ranks_on_node_), "MPI_Comm_size", "start", group_.rank());
  check(MPI_Comm_rank(node, &local_rank_), "MPI_Comm_rank", "start", group_.rank());
  MPI_Comm_free(&node);
}

World::~World() {
  if (!owns_mpi_) return;
  group_ = make_solo_group();
  MPI_Finalize();
}

void World::set_timeout(double seconds) { *timeout_s_ = seconds; }

}  // namespace anneal
