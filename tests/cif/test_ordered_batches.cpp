// Batches: order of writing, bound on what is under way, faults of every part.
#include <atomic>
#include <chrono>
#include <random>
#include <stdexcept>
#include <thread>

#include "cif/ordered_batches.h"
#include "tests/catch.h"

using namespace anneal;

namespace {
void pause(int number) {
  std::this_thread::sleep_for(std::chrono::microseconds(number * 7919 % 500));
}
}  // namespace

TEST_CASE("batches are written in the order of reading, and few are under way") {
  for (const int threads : {1, 2, 5}) {
    std::atomic<int> under_way = 0, most = 0, inside = 0, readers_at_once = 0;
    int next = 0;
    std::vector<int> written;
    OrderedBatches<int, int>(
        threads,
        [&]() -> std::optional<int> {
          if (++inside != 1) ++readers_at_once;
          --inside;
          if (next == 300) return std::nullopt;
          most = std::max<int>(most, ++under_way);
          return next++;
        },
        [](int number) {
          pause(number);
          return number * 10;
        },
        [&](int result) {
          written.push_back(result);
          --under_way;
        })
        .run();
    CHECK(readers_at_once == 0);
    REQUIRE(written.size() == 300);
    for (int i = 0; i < 300; ++i) CHECK(written[i] == i * 10);
    CHECK(most <= 4 * threads + 1);
  }
}

TEST_CASE("the fault of a batch ends the work and comes out") {
  enum class Part { kRead, kWork, kWrite };
  for (const auto part : {Part::kRead, Part::kWork, Part::kWrite}) {
    for (const int threads : {1, 3}) {
      int next = 0;
      std::atomic<int> written = 0;
      const auto fail_at = [&](Part at, int number) {
        if (at == part && number == 40) throw std::runtime_error("the fortieth");
      };
      OrderedBatches<int, int> batches(
          threads,
          [&]() -> std::optional<int> {
            fail_at(Part::kRead, next);
            return next++;  // without an end
          },
          [&](int number) {
            pause(number);
            fail_at(Part::kWork, number);
            return number;
          },
          [&](int number) {
            fail_at(Part::kWrite, number);
            ++written;
          });
      CHECK_THROWS_WITH(batches.run(), "the fortieth");
      CHECK(written <= 40);
    }
  }
}
