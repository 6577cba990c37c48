// What a rank is doing, on a page that its supervisor sees too: when the rank dies, the page still
// says in which step and operation. One writer; a reader may see a text that is just being changed.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace anneal {

struct RankStatus {
  std::atomic<std::int64_t> step{0};  ///< 0: not in a training step
  std::atomic<bool> waiting{
      false};                ///< in `operation` for other ranks; else `operation` was the last
  char operation[128] = "";  ///< "all-gather of block.2"

  void begin(const std::string& label);
  void end() { waiting.store(false, std::memory_order_relaxed); }
};

/// A page shared with the processes forked later; nullptr if there is none. It lives as long as
/// they do.
RankStatus* make_shared_rank_status();

/// "at step 12, in the all-gather of block.2", "at step 12, computing after ..."; "" before the
/// first step.
std::string describe(const RankStatus& status);

}  // namespace anneal
