#include "trainer/gather_policy.h"

#include <algorithm>

#include "trainer/model_units.h"

namespace anneal {

GatherPolicy gather_policy(const ModelShape& shape, const TrainOptions& train, bool train_base, int ranks) {
  constexpr std::int64_t kSmallBytes = 256 << 20;
  const std::int64_t block_bytes = block_layout(shape, 0).padded_numel(ranks) * 4 * shape.layers;
  const std::int64_t edge_bytes =
      (embedding_layout(shape).padded_numel(ranks) + head_layout(shape).padded_numel(ranks)) * 4;
  const bool chooses = train.reshard == "auto";
  GatherPolicy policy;
  policy.keep_blocks = train.reshard == "never" || (chooses && block_bytes <= kSmallBytes);
  // A frozen base stays gathered over all steps; a tied head is the embedding.
  policy.share_edges = train_base && !shape.tied_head &&
                       (train.reshard == "always" || (chooses && block_bytes + edge_bytes > kSmallBytes));
  policy.block_slots = policy.keep_blocks ? shape.layers : std::min(shape.layers, train.prefetch + 1);
  // One is exchanged while the next is computed; added up in full, every unit has its own.
  const bool in_full = train.accumulation == "full";
  policy.gradient_slots =
      policy.keep_blocks || in_full ? shape.layers : std::min<std::int64_t>(shape.layers, 2);
  policy.share_gradients = !shape.tied_head && !in_full;
  return policy;
}

}  // namespace anneal
