// Mean loss on what was held out of every source, each for itself: forgetting is seen, not averaged
// away.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "data/token_stream.h"
#include "parallel/group.h"
#include "trainer/sharded_model.h"

namespace anneal {

class HeldoutLoss {
 public:
  HeldoutLoss(const std::filesystem::path& shards, std::int64_t sequence_length,
              bool isolate_documents, Group group);
  /// (split, mean loss a target) of every split that has targets. All ranks call it.
  std::vector<std::pair<std::string, double>> evaluate(ShardedModel& model) const;

 private:
  std::vector<std::pair<std::string, TokenStream>> splits_;
  std::int64_t rows_a_pass_;
  Group group_;
};

}  // namespace anneal
