#include "trainer/training_step.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"
#include "trainer/optimizer.h"

namespace anneal {

namespace {

/// The rows of a global batch that a rank takes: [first, last).
struct RankRows {
  std::int64_t first = 0, last = 0;
};
RankRows rank_rows(std::int64_t global_batch, const Group& group) {
  return {global_batch * group.rank() / group.size(),
          global_batch * (group.rank() + 1) / group.size()};
}

std::vector<std::uint64_t> sample_indices(std::int64_t first, std::int64_t count) {
  std::vector<std::uint64_t> samples(count);
  for (std::int64_t i = 0; i < count; ++i) samples[i] = static_cast<std::uint64_t>(first + i);
  return samples;
}

}  // namespace

TrainingStep::TrainingStep(const Recipe& recipe, const TokenStream& stream, ShardedModel& model,
                           const Group& group)
    : recipe_(recipe), stream_(stream), model_(model), group_(group) {}

StepResult TrainingStep::gradients(std::int64_t first_sample, std::span<double> votes) {
  const std::int64_t length = recipe_.train.sequence_length;
  const auto [first, last] = rank_rows(recipe_.train.global_batch, group_);
  // Every rank makes as many passes as the one with the most rows: collectives must pair up.
  const std::int64_t most_rows = (recipe_.train.global_batch + group_.size() - 1) / group_.size();
  const std::int64_t micro = recipe_.train.micro_batch > 0 ? recipe_.train.micro_batch : most_rows;
  const std::int64_t passes = (most_rows + micro - 1) / micro;

  std::vector<TokenBatch> batches(passes);
  std::vector<std::int64_t> begins(passes);
  std::vector<double> counts(votes.begin(), votes.end());
  counts.push_back(0);
  for (std::int64_t p = 0; p < passes; ++p) {
    begins[p] = std::min(first_sample + first + p * micro, first_sample + last);
    const std::int64_t rows = std::min(micro, first_sample + last - begins[p]);
    batches[p] = stream_.rows(static_cast<std::uint64_t>(begins[p]), rows);
    batches[p].length = length;
    counts.back() += static_cast<double>(batches[p].num_targets);
  }
  group_.all_reduce_sum(counts, "count of the step's targets");
  std::copy(counts.begin(), counts.end() - 1, votes.begin());
  const double targets = std::max(1.0, counts.back());

  double sums[1] = {0};
  for (std::int64_t p = 0; p < passes; ++p) {
    StepContext context{.loss_scale = 1.0 / targets,
                        .accumulate = p > 0,
                        .last = p + 1 == passes,
                        .dropout_key = derive_key(
                            {static_cast<std::uint64_t>(recipe_.run.seed), name_key("dropout")}),
                        .samples = sample_indices(begins[p], batches[p].rows)};
    sums[0] += model_.forward_backward(batches[p], context);
  }
  const auto units = model_.trained_units();
  const double grad_norm = std::sqrt(global_squared_norm(units, model_.mesh(), sums));
  return {.loss = sums[0] / targets,
          .grad_norm = grad_norm,
          .targets = static_cast<std::int64_t>(targets)};
}

void TrainingStep::update(const StepResult& result, double rate, std::int64_t update) {
  const double clip = recipe_.train.optimizer.clip;
  adamw_step(model_.trained_units(), recipe_.train.optimizer, rate,
             clip > 0 ? std::min(1.0, clip / (result.grad_norm + 1e-6)) : 1.0, update);
  model_.weights_changed();
}

}  // namespace anneal
