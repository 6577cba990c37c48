// What the trainer eats: rows of tokens with targets, positions and document borders.
// Shapes: every vector is [rows * length], row-major.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace anneal {

using TokenId = std::int32_t;
constexpr TokenId kNoTarget = -1;  ///< this position carries no loss

struct TokenBatch {
  std::int64_t rows = 0;
  std::int64_t length = 0;            ///< tokens a row
  std::vector<TokenId> tokens;        ///< inputs; padding is 0 with document = -1
  std::vector<TokenId> targets;       ///< next token of the same document, or kNoTarget
  std::vector<std::int32_t> positions;  ///< restart at 0 with every document (or piece of one)
  std::vector<std::int32_t> documents;  ///< index of the document within its row: 0, 1, ...; padding -1
  std::vector<std::uint64_t> row_ids;   ///< [rows] row of the shard (before the shuffle)
  std::int64_t num_targets = 0;         ///< positions that carry loss
};

}  // namespace anneal
