#include "trainer/calibration.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <vector>

#include <unistd.h>

#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>

#include "data/token_stream.h"
#include "trainer/gather_policy.h"
#include "trainer/optimizer.h"
#include "trainer/sharded_model.h"
#include "trainer/tensor_memory.h"
#include "trainer/threads.h"

namespace anneal {

namespace {

using Clock = std::chrono::steady_clock;

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

/// Resident bytes beside the large tensors: program, libraries, generated kernels, buffers of MPI, malloc's heap.
double runtime_bytes() {
  double size = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  const TensorMemory tensors = tensor_memory();
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) - static_cast<double>(tensors.live + tensors.kept);
}

/// A model of few blocks that takes one micro-batch of synthetic tokens at a time.
class Probe {
 public:
  Probe(ModelShape shape, std::int64_t layers, std::int64_t vocabulary, const Recipe& recipe, const Group& group)
      : group_(group), model_(with(shape, layers, vocabulary), recipe.adapter, as_in_full(shape, recipe, group), group) {
    const auto fresh = fresh_weights(shape, 1);
    model_.fill_base(fresh);
    if (model_.has_adapters()) model_.fill_adapters(fresh);
    const StepShape step = step_shape(recipe.train, group.size());
    TokenStream stream = TokenStream::synthetic(step.micro_rows, static_cast<int>(vocabulary),
                                                recipe.train.sequence_length, 1);
    batch_ = stream.rows(0, step.micro_rows);
    batch_.length = recipe.train.sequence_length;
    for (std::int64_t i = 0; i < step.micro_rows; ++i) context_.samples.push_back(static_cast<std::uint64_t>(i));
    context_.loss_scale = 1.0 / static_cast<double>(batch_.tokens.size());
  }

  /// Seconds of a forward and backward pass, the slowest rank's.
  double pass() {
    group_.barrier("calibration");
    const auto start = Clock::now();
    model_.forward_backward(batch_, context_);
    group_.barrier("calibration");
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    model_.weights_changed();
    return seconds;
  }

  /// Seconds of the gradient norm and AdamW for an element of a rank's slice.
  double update(const OptimizerOptions& options) {
    const auto units = model_.trained_units();
    double elements = 0, none[1] = {0};
    for (const auto* unit : units) elements += static_cast<double>(unit->slice_numel());
    group_.barrier("calibration");
    const auto start = Clock::now();
    global_squared_norm(units, model_.mesh(), none);
    adamw_step(units, options, /*rate=*/0, /*gradient_scale=*/1, /*step=*/1);
    group_.barrier("calibration");
    model_.weights_changed();
    return std::chrono::duration<double>(Clock::now() - start).count() / elements;
  }

 private:
  static ModelShape with(ModelShape shape, std::int64_t layers, std::int64_t vocabulary) {
    shape.layers = layers;
    shape.vocab_size = vocabulary;
    return shape;
  }
  /// Few blocks are small: what the whole model keeps or shares must be said.
  static TrainOptions as_in_full(const ModelShape& shape, const Recipe& recipe, const Group& group) {
    TrainOptions train = recipe.train;
    const auto policy = gather_policy(shape, train, recipe.adapter.kind == "none",
                                      group.size() / static_cast<int>(recipe.train.replicate));
    train.reshard = policy.keep_blocks ? "never" : "always";
    return train;
  }

  Group group_;
  ShardedModel model_;
  TokenBatch batch_;
  StepContext context_;
};

}  // namespace

Calibration calibrate(const ModelShape& shape, const Recipe& recipe, const Group& group, int ranks_on_node,
                      double budget_s) {
  Calibration result{.ranks = group.size()};
  result.threads = recipe.train.threads > 0 ? static_cast<int>(recipe.train.threads) : threads_for_rank(ranks_on_node);
  at::set_num_threads(result.threads);
  // A small vocabulary leaves little but the blocks; their difference is two blocks.
  const std::int64_t few = std::min<std::int64_t>(256, shape.vocab_size);
  Probe one(shape, 1, few, recipe, group), three(shape, 3, few, recipe, group);
  Probe whole(shape, 1, shape.vocab_size, recipe, group);
  std::vector<double> block_s, whole_s, update_s, round_s;
  const auto start = Clock::now();
  constexpr int kFewest = 2;
  for (int round = 0;; ++round) {
    const double single = one.pass(), triple = three.pass(), edges = whole.pass();
    const double update = whole.update(recipe.train.optimizer);
    if (round > 0) {  // the first touches memory for the first time
      block_s.push_back((triple - single) / 2);
      whole_s.push_back(edges);
      update_s.push_back(update);
      round_s.push_back(single + triple + edges);
    }
    double spent[1] = {group.is_root() ? std::chrono::duration<double>(Clock::now() - start).count() : 0.0};
    group.all_reduce_sum(spent, "time of the calibration");
    const double a_round = spent[0] / (round + 1);
    if (round >= kFewest && spent[0] + a_round > budget_s) break;
  }
  // Taken with the probes alive: what the first passes made (kernels, buffers) belongs to it.
  result.runtime_bytes = runtime_bytes();
  result.block_s = std::max(0.0, median(block_s));
  result.one_block_model_s = median(whole_s);
  result.update_s_per_element = median(update_s);
  const auto [fastest, slowest] = std::minmax_element(round_s.begin(), round_s.end());
  result.round_spread = *slowest / *fastest;
  return result;
}

std::string to_json(const Calibration& c) {
  const nlohmann::ordered_json json = {
      {"ranks", c.ranks}, {"threads", c.threads}, {"runtime_bytes", c.runtime_bytes}, {"block_s", c.block_s},
      {"one_block_model_s", c.one_block_model_s}, {"update_s_per_element", c.update_s_per_element},
      {"round_spread", c.round_spread}};
  return json.dump();
}

Calibration calibration_from_json(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  Calibration c;
  c.ranks = json.at("ranks");
  c.threads = json.at("threads");
  c.runtime_bytes = json.at("runtime_bytes");
  c.block_s = json.at("block_s");
  c.one_block_model_s = json.at("one_block_model_s");
  c.update_s_per_element = json.at("update_s_per_element");
  c.round_spread = json.at("round_spread");
  return c;
}

}  // namespace anneal
