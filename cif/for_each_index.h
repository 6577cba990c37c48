// Independent work on several threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <future>
#include <vector>

#include "base/processors.h"

namespace anneal {

/// Calls `work(i)` once for each i in 0..n-1, on `threads` threads (0: as many as processors; this
/// one is among them). Exceptions come out of the call.
template <class Work>
void for_each_index(std::size_t n, int threads, Work work) {
  threads = threads_or_processors(threads);
  threads = static_cast<int>(std::clamp<std::size_t>(n, 1, threads));
  std::atomic<std::size_t> next = 0;
  const auto run = [&] {
    for (std::size_t i = next++; i < n; i = next++) work(i);
  };
  std::vector<std::future<void>> others;
  for (int t = 1; t < threads; ++t) others.push_back(std::async(std::launch::async, run));
  run();
  for (auto& other : others) other.get();
}

}  // namespace anneal
