// Independent work on several threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <future>
#include <vector>

#include "base/processors.h"

namespace anneal {

/// Calls `work(i, state)` once for each i in 0..n-1, on `threads` threads (0: as many as processors; this
/// one is among them), each with a State of its own. Exceptions come out of the call.
template <class State, class Work>
void for_each_index_with(std::size_t n, int threads, Work work) {
  threads = threads_or_processors(threads);
  threads = static_cast<int>(std::clamp<std::size_t>(n, 1, threads));
  std::atomic<std::size_t> next = 0;
  const auto run = [&] {
    State state;
    for (std::size_t i = next++; i < n; i = next++) work(i, state);
  };
  std::vector<std::future<void>> others;
  for (int t = 1; t < threads; ++t) others.push_back(std::async(std::launch::async, run));
  run();
  for (auto& other : others) other.get();
}

/// The same for `work(i)`.
template <class Work>
void for_each_index(std::size_t n, int threads, Work work) {
  struct Nothing {};
  for_each_index_with<Nothing>(n, threads, [&](std::size_t i, Nothing&) { work(i); });
}

}  // namespace anneal
