#include "trainer/threads.h"

#include <algorithm>
#include <thread>

#include <sched.h>

namespace anneal {

int threads_for_rank(int ranks_on_node) {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  const int bound = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : cores;
  return std::max(1, std::min(bound, cores / ranks_on_node));
}

}  // namespace anneal
