// Under mpirun -n 1, 2, 4 (tests/torch.cmake): the losses and the weights of a run over all ranks agree
// with those of one rank that takes every row, over 20 steps, for uneven shapes: full training, tied
// head, micro-batches, recomputation, adapters with dropout, frozen parameters, every mesh of replicas and
// shards; and checkpoints go from any number of ranks and any mesh to any other. With two ranks also: who waits
// without a limit says for whom.
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "parallel/mpi_world.h"
#include "tests/trainer/synthetic_batch.h"
#include "trainer/checkpoint.h"
#include "trainer/optimizer.h"
#include "trainer/sharded_model.h"

using namespace anneal;

namespace {

struct Case {
  std::string name;
  bool tied = false, lora = false;
  std::int64_t micro = 0;
  const char* checkpointing = "none";
  const char* reshard = "always";
  std::int64_t replicate = 1, prefetch = 1;
  const char* accumulation = "sharded";
  std::vector<std::string> freeze = {};
  const char* precision = "fp32";
  const char* reduce = "fp32";

  /// Relative difference of the losses that is allowed: fp32 rounds at 6e-8; bf16 at 4e-3, which a mean over
  /// 150 targets and the training average down.
  double bound() const { return std::string(precision) == "bf16" ? 3e-3 : 1e-6; }
  /// The same training on one rank, in one piece.
  Case alone() const { return {.name = name, .tied = tied, .lora = lora, .freeze = freeze, .precision = precision, .reduce = reduce}; }
};

constexpr std::int64_t kRows = 7;  // does not divide by 2 or 4
constexpr std::int64_t kSteps = 20;

AdapterOptions adapter_of(const Case& c) {
  AdapterOptions adapter;
  if (c.lora) adapter.kind = "lora", adapter.r = 3, adapter.dropout = 0.2, adapter.targets = {"q_proj", "v_proj", "down_proj"};
  return adapter;
}

ShardedModel build(const Case& c, const Group& group) {
  TrainOptions train;
  train.activation_checkpointing = c.checkpointing;
  train.reshard = c.reshard;
  train.replicate = c.replicate;
  train.prefetch = c.prefetch;
  train.accumulation = c.accumulation;
  train.freeze = c.freeze;
  train.precision = c.precision;
  train.reduce = c.reduce;
  const ModelShape shape = testing::small_shape(c.tied);
  ShardedModel model(shape, adapter_of(c), train, group);
  model.fill_base(fresh_weights(shape, 11));
  model.fill_adapters(fresh_weights(shape, 11));
  return model;
}

double step(ShardedModel& model, const Case& c, std::int64_t number, const Group& group) {
  const std::int64_t vocabulary = model.shape().vocab_size;
  const std::int64_t first = kRows * group.rank() / group.size(), last = kRows * (group.rank() + 1) / group.size();
  const std::int64_t most = (kRows + group.size() - 1) / group.size(), micro = c.micro ? c.micro : most;
  const std::int64_t passes = (most + micro - 1) / micro, start = number * kRows;
  double counts[1] = {0};
  std::vector<TokenBatch> batches;
  std::vector<std::int64_t> begins;
  for (std::int64_t p = 0; p < passes; ++p) {
    begins.push_back(std::min(start + first + p * micro, start + last));
    batches.push_back(testing::rows(begins[p], std::min(micro, start + last - begins[p]), vocabulary));
    counts[0] += static_cast<double>(batches[p].num_targets);
  }
  group.all_reduce_sum(counts, "targets");
  double sums[1] = {0};
  for (std::int64_t p = 0; p < passes; ++p) {
    StepContext context{.loss_scale = 1 / counts[0], .accumulate = p > 0, .last = p + 1 == passes, .dropout_key = 5};
    for (std::int64_t i = 0; i < batches[p].rows; ++i) context.samples.push_back(begins[p] + i);
    sums[0] += model.forward_backward(batches[p], context);
  }
  const auto units = model.trained_units();
  const double norm = std::sqrt(global_squared_norm(units, model.mesh(), sums));
  OptimizerOptions options;
  adamw_step(units, options, 3e-3, std::min(1.0, 1.0 / (norm + 1e-6)), number + 1);
  model.weights_changed();
  return sums[0] / counts[0];
}

void require(bool condition, const std::string& what) {
  if (!condition) throw Error(ExitCode::kUnexpected, what, "");
}

/// Parameters that are frozen are what they were, and the others are not.
void frozen_stays(ShardedModel& model, const Case& c) {
  const auto fresh = fresh_weights(model.shape(), 11);
  model.visit_full_parameters([&](const ParameterSlot& slot, const at::Tensor& value) {
    at::Tensor before = at::empty({slot.numel()}, at::kFloat);
    fresh(slot, 0, slot.numel(), before.data_ptr<float>());
    require(slot.frozen == at::equal(before, value.reshape({-1})), c.name + ": " + slot.name);
  });
}

void compare(const Case& c, const Group& group) {
  const Group solo = make_solo_group();
  ShardedModel shared = build(c, group), alone = build(c.alone(), solo);
  double largest = 0, first_loss = 0, last_loss = 0;
  for (std::int64_t s = 0; s < kSteps; ++s) {
    const double a = step(shared, c, s, group), b = step(alone, c.alone(), s, solo);
    largest = std::max(largest, std::abs(a - b) / b);
    if (s == 0) first_loss = b;
    last_loss = b;
  }
  if (group.is_root()) {
    std::printf("%-40s %d rank(s): largest relative difference of the loss %.2e (%.4f -> %.4f)\n", c.name.c_str(),
                group.size(), largest, first_loss, last_loss);
  }
  require(largest <= c.bound(), c.name + ": the losses differ from those of one rank");
  require(first_loss != last_loss, c.name + ": nothing was trained");
  if (!c.freeze.empty()) frozen_stays(shared, c);
}

/// Every mesh of the ranks, with what else changes the schedule.
std::vector<Case> mesh_cases(const Case& base, int ranks) {
  std::vector<Case> cases;
  for (std::int64_t replicate = 1; replicate <= ranks; ++replicate) {
    if (ranks % replicate != 0) continue;
    Case c = base;
    c.replicate = replicate;
    c.name = fmt::format("{}, mesh {} x {}", base.name, replicate, ranks / replicate);
    cases.push_back(c);
  }
  return cases;
}

/// Saves with all ranks, loads into a model of one rank (every rank has its own) and into every other mesh,
/// and compares weights.
void checkpoint_round_trip(const Group& group, std::int64_t replicate, const std::filesystem::path& folder) {
  const Case c{.name = "checkpoint", .tied = true, .replicate = replicate};
  ShardedModel shared = build(c, group);
  for (std::int64_t s = 0; s < 2; ++s) step(shared, c, s, group);
  save_checkpoint(folder, shared, {.step = 2, .samples = 14, .updates = 2, .data_fingerprint = "d", .recipe_fingerprint = "r"},
                  group, 2);
  const Group solo = make_solo_group();
  ShardedModel alone = build(c.alone(), solo), again = build(c, group);
  const auto state = load_newest_checkpoint(folder, alone, solo, Log(false));
  require(state && state->step == 2 && state->samples == 14 && state->updates == 2, "the state is not what was saved");
  load_newest_checkpoint(folder, again, group, Log(false));
  // One rank goes on from it as all ranks do.
  const double a = step(again, c, 2, group), b = step(shared, c, 2, group), d = step(alone, c, 2, solo);
  require(a == b, "a resumed run differs from one that was not stopped");
  require(std::abs(d - a) / a <= 1e-6, "a run resumed on one rank differs");
  for (std::int64_t other = 1; other <= group.size(); ++other) {
    if (group.size() % other != 0 || other == replicate) continue;
    const Case meshed{.name = "checkpoint", .tied = true, .replicate = other};
    ShardedModel model = build(meshed, group);
    load_newest_checkpoint(folder, model, group, Log(false));
    require(std::abs(step(model, meshed, 2, group) - a) / a <= 1e-6, "a run resumed on another mesh differs");
  }
  group.barrier("end of the round trip");
}

/// Rank 0 is late at a barrier, which has no limit: rank 1 says so, and the barrier is passed.
void waiting_is_told(World& world, const std::filesystem::path& said) {
  const Group& group = world.group();
  const int console = ::dup(STDERR_FILENO);
  if (!group.is_root()) require(std::freopen(said.c_str(), "w", stderr) != nullptr, "stderr cannot be kept");
  world.set_timeout(1);
  if (group.is_root()) std::this_thread::sleep_for(std::chrono::milliseconds(2500));
  group.barrier("preparation of nothing");
  world.set_timeout(60);
  if (!group.is_root()) {
    std::fflush(stderr);
    ::dup2(console, STDERR_FILENO);
    require(read_file(said).starts_with("warning: 1 s in preparation of nothing, waiting for rank 0 on "),
            "a wait without a limit was not told: " + read_file(said));
  }
  ::close(console);
}

}  // namespace

int main(int argc, char** argv) {
  World world;
  world.set_timeout(60);
  try {
    const std::vector<Case> cases = {{.name = "full"},
                                     {.name = "tied head", .tied = true},
                                     {.name = "micro-batches of 1", .micro = 1},
                                     {.name = "tied, micro-batches of 2", .tied = true, .micro = 2},
                                     {.name = "recomputed blocks", .checkpointing = "full"},
                                     {.name = "recomputed feed-forward", .checkpointing = "selective"},
                                     {.name = "recomputed, adapters", .lora = true, .checkpointing = "full"},
                                     {.name = "not resharded", .micro = 2, .reshard = "never"},
                                     {.name = "no prefetch", .prefetch = 0},
                                     {.name = "two ahead, recomputed", .checkpointing = "full", .prefetch = 2},
                                     {.name = "added up in full", .micro = 1, .accumulation = "full"},
                                     {.name = "added up in full, tied", .tied = true, .micro = 2, .accumulation = "full"},
                                     {.name = "added up in full, adapters", .lora = true, .micro = 2, .accumulation = "full"},
                                     {.name = "frozen within units", .micro = 2, .freeze = {"k_proj", "layernorm", "up_proj"}},
                                     {.name = "frozen ends", .freeze = {"embed_tokens", "lm_head", "layers.0."}},
                                     {.name = "frozen, tied", .tied = true, .freeze = {"model.norm", "down_proj"}},
                                     {.name = "adapters with dropout", .lora = true},
                                     {.name = "adapters, micro-batches", .lora = true, .micro = 1},
                                     {.name = "bf16", .precision = "bf16"},
                                     {.name = "bf16, reduced in bf16, tied", .tied = true, .micro = 2, .precision = "bf16", .reduce = "bf16"},
                                     {.name = "bf16, adapters", .lora = true, .micro = 2, .precision = "bf16"}};
    for (const auto& c : cases) compare(c, world.group());
    if (world.group().size() > 1) {
      const std::vector<Case> meshed = {{.name = "full"},
                                        {.name = "tied, micro-batches", .tied = true, .micro = 2},
                                        {.name = "recomputed, micro-batches", .micro = 1, .checkpointing = "full"},
                                        {.name = "selective, in full", .micro = 2, .checkpointing = "selective", .accumulation = "full"},
                                        {.name = "not resharded", .micro = 2, .reshard = "never"},
                                        {.name = "adapters", .lora = true, .micro = 2},
                                        {.name = "frozen within units", .freeze = {"q_proj", "down_proj"}},
                                        {.name = "bf16, in full", .micro = 2, .accumulation = "full", .precision = "bf16"}};
      for (const auto& base : meshed) {
        for (const auto& c : mesh_cases(base, world.group().size())) compare(c, world.group());
      }
    }
    const std::filesystem::path folder = argv[1];
    if (world.group().size() == 2) waiting_is_told(world, folder.string() + ".said");
    for (const std::int64_t replicate : {1, 2, 4}) {
      if (world.group().size() % replicate != 0) continue;
      checkpoint_round_trip(world.group(), replicate, folder);
      if (world.group().is_root()) std::filesystem::remove_all(folder);
      world.group().barrier("removal of the checkpoints");
    }
  } catch (const Error& error) {
    std::fprintf(stderr, "rank %d: %s\n", world.group().rank(), error.full_message().c_str());
    world.group().abort(static_cast<int>(error.code()));
  }
  return 0;
}
