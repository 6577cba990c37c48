// Flat units: layout, slices, ranges; pure arithmetic.
#include "parallel/unit.h"
#include "tests/catch.h"

using namespace anneal;

TEST_CASE("slices of a unit cover it once, whatever the number of ranks") {
  UnitLayout unit("u");
  unit.add("norm", {5});
  unit.add("q", {7, 3});
  unit.add("k", {2, 3}, /*fused_with_previous=*/true);
  unit.add("last", {11});
  CHECK(unit.slots()[1].offset == 16);
  CHECK(unit.slots()[2].offset == 16 + 21);  // gap-free behind q
  CHECK(unit.slots()[3].offset == 48);
  CHECK(unit.num_parameters() == 5 + 21 + 6 + 11);
  for (int world = 1; world <= 5; ++world) {
    CHECK(unit.padded_numel(world) >= unit.numel());
    CHECK(unit.slice_numel(world) % 16 == 0);
    std::int64_t covered = 0, decaying = 0;
    for (int rank = 0; rank < world; ++rank) {
      for (const auto& range : unit.slice_ranges(rank, world)) {
        CHECK(range.begin >= 0);
        CHECK(range.end <= unit.slice_numel(world));
        covered += range.end - range.begin;
        if (range.decays) decaying += range.end - range.begin;
      }
    }
    CHECK(covered == unit.num_parameters());
    CHECK(decaying == 27);  // matrices only
  }
}
