// Ranks as threads of one process, with faults and delays on demand: drives tests of schedules,
// which must hold for any order in which ranks arrive at a collective. Operations complete when the
// last rank has arrived; their sums are taken in rank order, as over MPI.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <vector>

#include "parallel/group.h"

namespace anneal {

/// What happens to a rank at its `collective`-th operation (from 1, over all its groups).
struct FakeFault {
  enum class Kind {
    kFail,   ///< it throws instead of taking part, and ends
    kStall,  ///< it hangs until all others have ended
  };
  int rank = 0;
  std::int64_t collective = 1;
  Kind kind = Kind::kFail;
};

struct FakeOptions {
  int size = 2;
  double timeout_s = 20;       ///< longest wait in an operation
  double longest_delay_s = 0;  ///< a rank comes this late at most, by chance, to start and to wait
  std::uint64_t seed = 0;      ///< of the delays
  std::vector<FakeFault> faults;
};

/// Runs `body` on `size` threads with a group of all. Returns what each rank threw (null: it ended
/// well). Ranks that call different operations, or of different sizes, get a CommunicationError
/// that names both.
std::vector<std::exception_ptr> run_fake_ranks(const FakeOptions& options,
                                               const std::function<void(const Group&)>& body);

/// The message of an exception that was thrown; "" for null.
std::string what_of(const std::exception_ptr& thrown);

}  // namespace anneal
