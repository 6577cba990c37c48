#include "parallel/roll_call.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace anneal {

namespace {
constexpr int kQuestion = 1, kAnswer = 2;
constexpr std::size_t kMostNamed = 8;
constexpr std::size_t kHostLength = 64;
}  // namespace

RollCall::RollCall(MPI_Comm world, const RankStatus& status) : status_(status) {
  MPI_Comm_dup(world, &comm_);
  MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN);
  MPI_Comm_rank(comm_, &rank_);
  MPI_Comm_size(comm_, &size_);
  const auto ranks = static_cast<std::size_t>(size_);
  std::vector<char> names(ranks * kHostLength, '\0');
  char own[kHostLength] = "";
  ::gethostname(own, sizeof own - 1);
  MPI_Allgather(own, kHostLength, MPI_CHAR, names.data(), kHostLength, MPI_CHAR, comm_);
  for (std::size_t r = 0; r < ranks; ++r) hosts_.emplace_back(names.data() + r * kHostLength);
  answered_.assign(ranks, false);
  answers_.resize(ranks);
}

RollCall::~RollCall() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (!finalized && comm_ != MPI_COMM_NULL) MPI_Comm_free(&comm_);
}

void RollCall::send(int to, int tag, const Answer& text) {
  auto& sending = sendings_.emplace_back();
  sending.text = text;
  MPI_Isend(&sending.text, sizeof sending.text, MPI_BYTE, to, tag, comm_, &sending.request);
}

void RollCall::attend() {
  if (std::chrono::steady_clock::now() - looked_ < std::chrono::milliseconds(20)) return;
  looked_ = std::chrono::steady_clock::now();
  for (;;) {
    int here = 0;
    MPI_Status envelope;
    if (MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm_, &here, &envelope) != MPI_SUCCESS || !here)
      break;
    Answer text;
    MPI_Recv(&text, sizeof text, MPI_BYTE, envelope.MPI_SOURCE, envelope.MPI_TAG, comm_,
             MPI_STATUS_IGNORE);
    const auto from = static_cast<std::size_t>(envelope.MPI_SOURCE);
    if (envelope.MPI_TAG == kAnswer) {
      answered_[from] = true;
      answers_[from] = text;
      continue;
    }
    Answer own{.step = status_.step, .waiting = status_.waiting ? 1 : 0};
    std::memcpy(own.operation, status_.operation, sizeof own.operation - 1);
    send(envelope.MPI_SOURCE, kAnswer, own);
  }
  sendings_.remove_if([](Sending& sending) {
    int done = 0;
    return MPI_Test(&sending.request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && done;
  });
}

void RollCall::ask() {
  answered_.assign(answered_.size(), false);
  for (int r = 0; r < size_; ++r) {
    if (r != rank_) send(r, kQuestion, {});
  }
}

std::string RollCall::name(std::size_t rank) const {
  return fmt::format("rank {} on {}", rank, hosts_[rank]);
}

bool RollCall::is_first_that_answers() const {
  return std::none_of(answered_.begin(), answered_.begin() + rank_, [](bool answered) { return answered; });
}

std::string RollCall::missing() const {
  std::string text;
  std::size_t named = 0, silent = 0;
  for (std::size_t r = 0; r < answered_.size(); ++r) {
    if (static_cast<int>(r) == rank_ || answered_[r]) continue;
    if (++silent <= kMostNamed) text += (named++ ? ", " : "") + name(r);
  }
  if (silent > kMostNamed) text += fmt::format(" and {} more", silent - kMostNamed);
  if (silent > 0) return text + (silent == 1 ? ", which does not answer" : ", which do not answer");
  // All are alive: some wait for something else, or their data are still on the way.
  for (std::size_t r = 0; r < answered_.size(); ++r) {
    if (static_cast<int>(r) == rank_) continue;
    const Answer& a = answers_[r];
    const bool same = a.step == status_.step &&
                      std::strncmp(a.operation, status_.operation, sizeof a.operation - 1) == 0;
    if (same || ++named > kMostNamed) continue;
    text += fmt::format("{}{} (at step {}, {} {})", text.empty() ? "" : ", ", name(r), a.step,
                        a.waiting ? "in" : "after", a.operation);
  }
  return text.empty()
             ? "the other ranks, which all wait in the same place (a slow or broken network)"
             : text;
}

}  // namespace anneal
