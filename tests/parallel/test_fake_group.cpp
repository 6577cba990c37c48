// The fake group keeps the promises of every group (sums in rank order, gathers in place), and faults and
// delays do what they say: the schedules' tests stand on it.
#include <cmath>
#include <vector>

#include "parallel/fake_group.h"
#include "parallel/mesh.h"
#include "tests/catch.h"

using namespace anneal;

namespace {

/// All ranks must have ended well.
void require_all_well(const std::vector<std::exception_ptr>& thrown) {
  for (const auto& exception : thrown) REQUIRE(what_of(exception) == "");
}

}  // namespace

TEST_CASE("fake group: collectives, whatever the order of arrival") {
  const int size = GENERATE(1, 2, 3, 5);
  const auto seed = static_cast<std::uint64_t>(GENERATE(1, 2, 3));
  std::vector<std::vector<float>> gathered(size), scattered(size), reduced(size);
  std::vector<double> sums(size);
  std::vector<std::string> texts(size);  // checks belong to the main thread
  const auto thrown = run_fake_ranks(
      {.size = size, .longest_delay_s = 0.002, .seed = seed}, [&](const Group& group) {
        const int rank = group.rank();
        std::vector<float> all(2 * size, -1.0f), full(2 * size), slice(2), values(3);
        all[2 * rank] = static_cast<float>(rank);
        all[2 * rank + 1] = static_cast<float>(10 * rank);
        for (int i = 0; i < 2 * size; ++i) full[i] = static_cast<float>(rank * 100 + i);
        for (int i = 0; i < 3; ++i) values[i] = static_cast<float>(std::pow(0.1, rank) + i);
        // Two under way at once, waited for in the other order.
        Work first = group.all_gather(all.data(), 2, NumberType::kFp32, "gather");
        Work second = group.reduce_scatter(full.data(), slice.data(), 2, NumberType::kFp32, "scatter");
        second.wait();
        first.wait();
        group.all_reduce(values.data(), 3, "reduce").wait();
        double sum[1] = {static_cast<double>(rank + 1)};
        group.all_reduce_sum(sum, "sum");
        texts[rank] = group.broadcast(rank == 0 ? "from the root" : "", "text");
        group.barrier("end");
        gathered[rank] = all, scattered[rank] = slice, reduced[rank] = values, sums[rank] = sum[0];
      });
  require_all_well(thrown);
  for (int rank = 0; rank < size; ++rank) {
    float largest = 0;
    for (int r = 0; r < size; ++r) {
      CHECK(gathered[rank][2 * r] == static_cast<float>(r));
      CHECK(gathered[rank][2 * r + 1] == static_cast<float>(10 * r));
      largest += static_cast<float>(r * 100 + 2 * rank);
    }
    CHECK(scattered[rank][0] == largest);
    CHECK(reduced[rank] == reduced[0]);  // the same bits everywhere
    CHECK(texts[rank] == "from the root");
    CHECK(sums[rank] == size * (size + 1) / 2.0);
  }
}

TEST_CASE("fake group: bf16 travels as such and is added in fp32") {
  std::vector<float> slices(2);
  require_all_well(run_fake_ranks({.size = 2}, [&](const Group& group) {
    // 1 and 2^-9: their sum has no bf16 (8 significant bits), and an exact fp32.
    const std::vector<std::uint16_t> full(2, group.rank() == 0 ? 0x3F80 : 0x3B00);
    group.reduce_scatter(full.data(), &slices[group.rank()], 1, NumberType::kBf16, "scatter").wait();
  }));
  CHECK(slices[0] == 1.0f + 0x1p-9f);
  CHECK(slices[1] == 1.0f + 0x1p-9f);
}

TEST_CASE("mesh: neighbours share a copy, replicas hold the same slice") {
  std::vector<std::vector<int>> seen(6);
  std::vector<float> values(6);
  require_all_well(run_fake_ranks({.size = 6, .longest_delay_s = 0.001}, [&](const Group& group) {
    const Mesh mesh = make_mesh(group, 2);
    seen[group.rank()] = {mesh.shard.rank(), mesh.shard.size(), mesh.replicas.rank(), mesh.replicas.size()};
    values[group.rank()] = static_cast<float>(group.rank());
    mesh.replicas.all_reduce(&values[group.rank()], 1, "replicas").wait();
  }));
  for (int rank = 0; rank < 6; ++rank) {
    CHECK(seen[rank] == std::vector<int>{rank % 3, 3, rank / 3, 2});
    CHECK(values[rank] == static_cast<float>(2 * (rank % 3) + 3));
  }
  const auto thrown = run_fake_ranks({.size = 2}, [](const Group& group) { make_mesh(group, 3); });
  CHECK(what_of(thrown[0]).find("train.replicate 3 does not divide the 2 ranks") != std::string::npos);
}

TEST_CASE("fake group: a rank that fails or stalls is named, with operation and place") {
  const auto kind = GENERATE(FakeFault::Kind::kFail, FakeFault::Kind::kStall);
  const auto thrown = run_fake_ranks(
      {.size = 3, .timeout_s = 0.2, .faults = {{.rank = 2, .collective = 3, .kind = kind}}},
      [](const Group& group) {
        for (int step = 1; step <= 4; ++step) {
          group.set_place(fmt::format("step {}", step));
          double value[1] = {1};
          group.all_reduce_sum(value, "sum of the losses");
        }
      });
  for (int rank = 0; rank < 2; ++rank) {
    const std::string said = what_of(thrown[rank]);
    INFO(said);
    CHECK(said.starts_with(fmt::format("rank {}", rank)));
    // The second to notice may find that the first has given up already: it says so.
    CHECK((said.find("sum of the losses in step 3 has waited") != std::string::npos ||
           said.find("gave up sum of the losses") != std::string::npos));
  }
  const std::string both = what_of(thrown[0]) + what_of(thrown[1]);
  CHECK(both.find("for rank 2") != std::string::npos);
  CHECK(what_of(thrown[2]).find("was made to") != std::string::npos);
}

TEST_CASE("fake group: ranks that call different operations are told") {
  const auto thrown = run_fake_ranks({.size = 2, .timeout_s = 2}, [](const Group& group) {
    if (group.rank() == 0) {
      group.barrier("end of the step");
    } else {
      double value[1] = {1};
      group.all_reduce_sum(value, "sum of the losses");
    }
  });
  CHECK(what_of(thrown[0]).find("where another rank calls") != std::string::npos);
  CHECK(what_of(thrown[1]).find("where another rank calls") != std::string::npos);
}
