#include <limits>

#include "tests/catch.h"
#include "trainer/checkpoint_retention.h"

using namespace anneal;
using Steps = std::vector<std::int64_t>;

TEST_CASE("the newest checkpoints stay") {
  CHECK(checkpoints_to_remove({{10, {}}, {40, {}}, {20, {}}, {30, {}}}, {.newest = 2}) ==
        Steps{10, 20});
  CHECK(checkpoints_to_remove({{10, {}}}, {.newest = 2}).empty());
}

TEST_CASE("every n-th stays for good") {
  CHECK(checkpoints_to_remove({{10, {}}, {20, {}}, {30, {}}, {40, {}}, {50, {}}},
                              {.newest = 1, .every = 20}) == Steps{10, 30});
}

TEST_CASE(
    "the best on held-out text stay; of equal ones the earlier; unknown and non-finite losses do "
    "not compete") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(checkpoints_to_remove({{10, 2.0}, {20, 1.0}, {30, 1.0}, {40, nan}, {50, {}}, {60, 3.0}},
                              {.newest = 1, .best = 1}) == Steps{10, 30, 40, 50});
  CHECK(checkpoints_to_remove({{10, 2.0}, {20, 1.0}, {30, 1.5}, {40, 9.0}},
                              {.newest = 1, .best = 2}) == Steps{10});
}

TEST_CASE("of checkpoints written amid steps at fault, a sound one before them stays") {
  const auto suspect = [](std::int64_t step) { return KnownCheckpoint{.step = step, .suspect = true}; };
  CHECK(checkpoints_to_remove({{5, {}}, {10, {}}, suspect(15)}, {.newest = 1}) == Steps{5});
  CHECK(checkpoints_to_remove({{5, {}}, {10, {}}, suspect(12), suspect(15)}, {.newest = 2}) == Steps{5});
  CHECK(checkpoints_to_remove({{5, {}}, suspect(10), {15, {}}}, {.newest = 1}) == Steps{5, 10});
}
