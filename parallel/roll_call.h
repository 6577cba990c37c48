// Who is missing? A rank that has waited long in a collective asks all others over a channel of its
// own where they are. Ranks that wait, in whatever operation, answer; one that is stopped, gone or
// busy does not, and it is the one that the others wait for. Nothing is sent before somebody asks.
#pragma once

#include <mpi.h>

#include <chrono>
#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include "base/rank_status.h"

namespace anneal {

class RollCall {
 public:
  /// All ranks of the job call it at the start. `status` is what this rank answers with.
  RollCall(MPI_Comm world, const RankStatus& status);
  ~RollCall();
  RollCall(const RollCall&) = delete;
  RollCall& operator=(const RollCall&) = delete;

  /// Called often by a rank that waits: answers questions and takes answers. Cheap; looks every 20
  /// ms at most.
  void attend();
  /// Asks all others. Answers to earlier questions are forgotten.
  void ask();
  /// After a while: "rank 2 on node7", "ranks 2 and 3 on node7, ...", the ranks that did not
  /// answer; or, if all did, where those are that are behind: "rank 2 on node7 (it answers, at step
  /// 11, in ...)". Never "".
  std::string missing() const;
  /// After a while: no rank below this one answered.
  bool is_first_that_answers() const;

 private:
  struct Answer {
    std::int64_t step = 0;
    std::int32_t waiting = 0;
    char operation[96] = "";
  };
  struct Sending {
    MPI_Request request = MPI_REQUEST_NULL;
    Answer text;
  };
  void send(int to, int tag, const Answer& text);
  std::string name(std::size_t rank) const;

  MPI_Comm comm_ = MPI_COMM_NULL;
  const RankStatus& status_;
  int rank_ = 0, size_ = 1;
  std::vector<std::string> hosts_;
  std::vector<bool> answered_;
  std::vector<Answer> answers_;
  std::list<Sending> sendings_;  // their buffers belong to MPI until they are through
  std::chrono::steady_clock::time_point looked_;
};

}  // namespace anneal
