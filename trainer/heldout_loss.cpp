#include "trainer/heldout_loss.h"

#include <algorithm>
#include <utility>

namespace anneal {

HeldoutLoss::HeldoutLoss(const std::filesystem::path& shards, std::int64_t sequence_length,
                         bool isolate_documents, Group group)
    : rows_a_pass_(std::max<std::int64_t>(1, 2048 / sequence_length)), group_(std::move(group)) {
  for (const auto& split : TokenStream::heldout_splits(shards)) {
    splits_.emplace_back(split,
                         TokenStream(shards, split, sequence_length, isolate_documents, /*seed=*/0));
  }
}

std::vector<std::pair<std::string, double>> HeldoutLoss::evaluate(ShardedModel& model) const {
  std::vector<std::pair<std::string, double>> losses;
  for (const auto& [name, stream] : splits_) {
    double sums[2] = {0, 0};
    const auto rows = static_cast<std::int64_t>(stream.rows_per_epoch());
    for (std::int64_t begin = 0; begin < rows; begin += rows_a_pass_ * group_.size()) {
      // Rows past the end are padding: every rank makes the same number of passes.
      const TokenBatch batch = stream.rows(
          static_cast<std::uint64_t>(begin + rows_a_pass_ * group_.rank()), rows_a_pass_);
      sums[0] += model.loss(batch);
      sums[1] += static_cast<double>(batch.num_targets);
    }
    group_.all_reduce_sum(sums, "held-out loss of " + name);
    if (sums[1] > 0) losses.emplace_back(name, sums[0] / sums[1]);
  }
  return losses;
}

}  // namespace anneal
