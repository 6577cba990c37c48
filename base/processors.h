// How many threads there is use for.
#pragma once

#include <algorithm>
#include <thread>

namespace anneal {

/// Processors of this machine, at least 1.
inline int processors() { return static_cast<int>(std::max(1U, std::thread::hardware_concurrency())); }

/// `asked`, or as many as processors if that is not positive.
inline int threads_or_processors(int asked) { return asked > 0 ? asked : processors(); }

}  // namespace anneal
