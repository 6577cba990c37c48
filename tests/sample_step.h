// Long comparisons with a reference look at a part of it in everyday runs, and at all of it where the
// environment says so: ANNEAL_FULL_TESTS=1 launch/test -R cif
#pragma once

#include <cstddef>
#include <cstdlib>

namespace anneal::testing {

/// Every how many rows are looked at: 1 with ANNEAL_FULL_TESTS, else `everyday`.
inline std::size_t sample_step(std::size_t everyday) {
  return std::getenv("ANNEAL_FULL_TESTS") != nullptr ? 1 : everyday;
}

}  // namespace anneal::testing
