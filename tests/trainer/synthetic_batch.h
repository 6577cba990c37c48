// Small models and batches of random tokens for tests of the engine.
#pragma once

#include "base/random.h"
#include "data/token_batch.h"
#include "recipes/schema.h"
#include "trainer/model_shape.h"

namespace anneal::testing {

inline ModelShape small_shape(bool tied = false) {
  ModelShape s;
  s.dim = 40;  // not a multiple of the ranks' alignment: uneven slices
  s.layers = 3;
  s.heads = 5;
  s.kv_heads = 1;
  s.head_dim = 8;
  s.ffn_dim = 72;
  s.vocab_size = 97;
  s.max_positions = 64;
  s.tied_head = tied;
  return s;
}

/// Row `index` of an endless stream: two or three documents of random tokens, padding in some rows.
inline void add_row(TokenBatch& batch, std::uint64_t index, std::int64_t vocabulary) {
  Random random(derive_key({index, 77}));
  const std::int64_t length = batch.length;
  const std::int64_t used = random.below(3) == 0 ? length - 5 : length;
  const std::int64_t border = 4 + static_cast<std::int64_t>(random.below(length / 2));
  const std::size_t begin = batch.tokens.size();
  for (std::int64_t t = 0; t < length; ++t) {
    const bool padding = t >= used;
    batch.tokens.push_back(padding ? 0 : static_cast<TokenId>(random.below(vocabulary)));
    batch.documents.push_back(padding ? -1 : (t < border ? 0 : 1));
    batch.positions.push_back(static_cast<std::int32_t>(padding ? 0 : (t < border ? t : t - border)));
  }
  for (std::int64_t t = 0; t < length; ++t) {
    const bool has = t + 1 < used && t + 1 != border;
    batch.targets.push_back(has ? batch.tokens[begin + t + 1] : kNoTarget);
    batch.num_targets += has;
  }
  batch.row_ids.push_back(index);
  ++batch.rows;
}

inline TokenBatch rows(std::uint64_t first, std::int64_t count, std::int64_t vocabulary, std::int64_t length = 24) {
  TokenBatch batch;
  batch.length = length;
  for (std::int64_t i = 0; i < count; ++i) add_row(batch, first + i, vocabulary);
  return batch;
}

}  // namespace anneal::testing
