// The schedule of gathers and reductions, driven by the fake group: it ends for any order of arrival, with
// the losses of one rank; it keeps to its buffers; it gathers ahead; and a rank that hangs anywhere in a step
// is named by the others.
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "parallel/fake_group.h"
#include "tests/catch.h"
#include "tests/trainer/synthetic_batch.h"
#include "trainer/optimizer.h"
#include "trainer/sharded_model.h"

using namespace anneal;

namespace {

struct Case {
  const char* name;
  TrainOptions train;
  bool tied = false, lora = false;
  std::int64_t passes = 1;
};

TrainOptions options(std::int64_t prefetch, const char* reshard, const char* accumulation = "sharded",
                     const char* checkpointing = "none") {
  TrainOptions train;
  train.prefetch = prefetch;
  train.reshard = reshard;
  train.accumulation = accumulation;
  train.activation_checkpointing = checkpointing;
  return train;
}

std::vector<Case> cases() {
  return {{"two slots", options(1, "always")},
          {"no prefetch", options(0, "always")},
          {"two ahead, tied", options(2, "always"), /*tied=*/true},
          {"not resharded, micro-batches", options(1, "never"), false, false, 2},
          {"added up in full", options(1, "always", "full"), false, false, 3},
          {"added up in full, tied", options(1, "never", "full"), true, false, 2},
          {"recomputed", options(1, "always", "sharded", "full"), false, false, 2},
          {"adapters", options(1, "always"), false, /*lora=*/true, 2}};
}

ModelShape shape_of(const Case& c) {
  ModelShape shape = testing::small_shape(c.tied);
  shape.layers = 4;
  return shape;
}

ShardedModel build(const Case& c, const Group& group) {
  AdapterOptions adapter;
  if (c.lora) adapter.kind = "lora", adapter.r = 2, adapter.targets = {"q_proj", "down_proj"};
  ShardedModel model(shape_of(c), adapter, c.train, group);
  model.fill_base(fresh_weights(shape_of(c), 3));
  model.fill_adapters(fresh_weights(shape_of(c), 3));
  return model;
}

/// One step over 6 rows; the mean loss.
double step(ShardedModel& model, const Case& c, std::int64_t number, const Group& group) {
  group.set_place(fmt::format("step {}", number));
  constexpr std::int64_t kRows = 6;
  const std::int64_t first = kRows * group.rank() / group.size(), last = kRows * (group.rank() + 1) / group.size();
  double sums[1] = {0};
  for (std::int64_t p = 0; p < c.passes; ++p) {
    const std::int64_t from = first + (last - first) * p / c.passes, to = first + (last - first) * (p + 1) / c.passes;
    const TokenBatch batch = testing::rows(number * kRows + from, to - from, model.shape().vocab_size, 16);
    StepContext context{.loss_scale = 0.01, .accumulate = p > 0, .last = p + 1 == c.passes};
    for (std::int64_t i = 0; i < batch.rows; ++i) context.samples.push_back(number * kRows + from + i);
    sums[0] += model.forward_backward(batch, context);
  }
  const auto units = model.trained_units();
  global_squared_norm(units, model.mesh(), sums);
  adamw_step(units, OptimizerOptions{}, 3e-3, 1, number);
  model.weights_changed();
  return sums[0];
}

struct Event {
  ScheduleEvent what;
  std::string unit;
};

/// Where the first such event after `from` is; the end if there is none.
std::size_t find(const std::vector<Event>& trace, ScheduleEvent what, const std::string& unit, std::size_t from) {
  while (from < trace.size() && (trace[from].what != what || trace[from].unit != unit)) ++from;
  return from;
}

std::string block(std::int64_t layer) { return fmt::format("block {}", layer); }

}  // namespace

TEST_CASE("schedule: no deadlock for any order of arrival, and the losses of one rank") {
  at::set_num_threads(1);
  const int size = GENERATE(2, 3, 4);
  for (const Case& c : cases()) {
    std::vector<double> alone;
    const Group solo = make_solo_group();
    ShardedModel model = build(c, solo);
    for (std::int64_t s = 1; s <= 3; ++s) alone.push_back(step(model, c, s, solo));
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      for (const std::int64_t replicate : {1, 2}) {
        if (size % replicate != 0) continue;
        Case meshed = c;
        meshed.train.replicate = replicate;
        INFO(c.name << ", " << size << " ranks, " << replicate << " copies, seed " << seed);
        std::vector<std::vector<double>> losses(size);
        const auto thrown = run_fake_ranks(
            {.size = size, .longest_delay_s = 0.0005, .seed = seed}, [&](const Group& group) {
              ShardedModel shared = build(meshed, group);
              for (std::int64_t s = 1; s <= 3; ++s) losses[group.rank()].push_back(step(shared, meshed, s, group));
            });
        for (const auto& exception : thrown) REQUIRE(what_of(exception) == "");
        for (int rank = 0; rank < size; ++rank) {
          CHECK(losses[rank] == losses[0]);  // the same bits on all ranks
          // Sums in another order: fp32 rounding of some thousand terms over three steps.
          for (int s = 0; s < 3; ++s) CHECK(std::abs(losses[rank][s] - alone[s]) <= 1e-6 * alone[s]);
        }
      }
    }
  }
}

TEST_CASE("schedule: no more full units are alive than the policy states, and prefetch goes ahead") {
  at::set_num_threads(1);
  for (const Case& c : cases()) {
    INFO(c.name);
    std::vector<Event> trace;
    GatherPolicy policy;
    const auto thrown = run_fake_ranks({.size = 2, .longest_delay_s = 0.0005}, [&](const Group& group) {
      ShardedModel model = build(c, group);
      if (group.is_root()) {
        policy = model.policy();
        model.set_trace([&](ScheduleEvent what, const std::string& unit) { trace.push_back({what, unit}); });
      }
      for (std::int64_t s = 1; s <= 2; ++s) step(model, c, s, group);
    });
    for (const auto& exception : thrown) REQUIRE(what_of(exception) == "");

    std::set<std::string> gathered, gradients;
    std::size_t most_blocks = 0, most_edges = 0, most_gradients = 0;
    for (const auto& [what, unit] : trace) {
      if (what == ScheduleEvent::kGather) CHECK(gathered.insert(unit).second);  // never there twice
      if (what == ScheduleEvent::kAcquire) CHECK(gathered.count(unit) == 1);    // never used when not there
      if (what == ScheduleEvent::kRelease) CHECK(gathered.erase(unit) == 1);
      if (what == ScheduleEvent::kGradient) gradients.insert(unit);
      if (what == ScheduleEvent::kReduced) gradients.erase(unit);
      const auto blocks = static_cast<std::size_t>(std::count_if(
          gathered.begin(), gathered.end(), [](const std::string& name) { return name.starts_with("block"); }));
      most_blocks = std::max(most_blocks, blocks);
      most_edges = std::max(most_edges, gathered.count("embedding") + gathered.count("head"));
      most_gradients = std::max(most_gradients, gradients.size() - gradients.count("embedding") - gradients.count("head"));
    }
    const std::int64_t layers = shape_of(c).layers;
    const bool keeps = std::string(c.train.reshard) == "never", in_full = c.train.accumulation == "full";
    CHECK(policy.block_slots == (keeps ? layers : c.train.prefetch + 1));
    CHECK(most_blocks == static_cast<std::size_t>(policy.block_slots));
    CHECK(most_edges == (policy.share_edges ? 1u : 2u));
    CHECK(most_gradients <= static_cast<std::size_t>(policy.gradient_slots));
    CHECK(policy.gradient_slots == (keeps || in_full ? layers : 2));
    CHECK(gradients.empty());  // every gradient has arrived at the end of a step

    // Forward: block i + prefetch is on its way before block i has been computed. Backward likewise.
    if (keeps || c.train.prefetch == 0) continue;
    const std::int64_t ahead = c.train.prefetch;
    std::size_t at = 0;
    for (std::int64_t i = 0; i + ahead < layers; ++i) {
      at = find(trace, ScheduleEvent::kAcquire, block(i), at);
      const std::size_t done = find(trace, ScheduleEvent::kDone, block(i), at);
      REQUIRE(done < trace.size());
      CHECK(find(trace, ScheduleEvent::kGather, block(i + ahead), 0) < done);
    }
    at = find(trace, ScheduleEvent::kDone, block(layers - 1), at);
    const std::size_t backward = at + 1;
    for (std::int64_t i = layers - 1; i >= ahead; --i) {
      at = find(trace, ScheduleEvent::kAcquire, block(i), std::max(at, backward));
      const std::size_t done = find(trace, ScheduleEvent::kDone, block(i), at);
      REQUIRE(done < trace.size());
      if (i - ahead < layers - policy.block_slots) {  // the last ones are still there from the forward pass
        CHECK(find(trace, ScheduleEvent::kGather, block(i - ahead), backward) < done);
      }
    }
  }
}

TEST_CASE("schedule: a rank that hangs anywhere in a step is named with step, unit and collective") {
  at::set_num_threads(1);
  const Case c{"two slots", options(1, "always"), false, false, 2};
  // Until the fault comes too late to happen: the step has fewer collectives.
  std::set<std::string> units;
  bool happened = true;
  for (std::int64_t collective = 1; happened; ++collective) {
    const auto thrown = run_fake_ranks({.size = 2, .timeout_s = 0.4,
                                        .faults = {{.rank = 1, .collective = collective, .kind = FakeFault::Kind::kStall}}},
                                       [&](const Group& group) {
                                         ShardedModel model = build(c, group);
                                         step(model, c, 1, group);
                                       });
    happened = thrown[1] != nullptr;
    if (!happened) break;
    const std::string said = what_of(thrown[0]);
    INFO(collective << ": " << said);
    // "rank 0 on HOST: reduce-scatter of block 2 in step 1 has waited 0.1 s for rank 1"
    const std::string who = "rank 0 on " + host_name() + ": ";
    REQUIRE(said.starts_with(who));
    CHECK(said.find(" in step ") != std::string::npos);
    CHECK(said.ends_with("for rank 1"));
    units.insert(said.substr(who.size(), said.find(" in step ") - who.size()));
  }
  CHECK(units.count("all-gather of block 0") == 1);
  // Behind a reduction that hangs, what is waited for first is named: a gather, or the reduction at the end.
  CHECK(std::any_of(units.begin(), units.end(), [](const std::string& unit) { return unit.starts_with("reduce-scatter of "); }));
  CHECK(units.count("sum of the loss and the squared gradient norm") == 1);
}
