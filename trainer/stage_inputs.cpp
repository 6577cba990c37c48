#include "trainer/stage_inputs.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "data/prepare.h"

namespace anneal {

namespace {

void check_tokenizer(const Recipe& recipe, const StageInputs& in) {
  if (in.stream->tokenizer_fingerprint() == in.tokenizer->fingerprint()) return;
  throw DataError(
      fmt::format(
          "the tokenizer does not match the token shards in {}: it has {} pieces and fingerprint "
          "{}, the shards were written with {} pieces and fingerprint {}",
          shard_folder(recipe).string(), in.tokenizer->vocab_size(), in.tokenizer->fingerprint(),
          in.stream->vocab_size(), in.stream->tokenizer_fingerprint()),
      "prepare the shards again with this tokenizer (remove the folder), or use the other one");
}

void check_shape(const Recipe& recipe, const StageInputs& in) {
  const InitialWeights& start = in.start;
  if (recipe.train.sequence_length > start.shape.max_positions) {
    throw UsageError(fmt::format("train.sequence_length {} is longer than the model's {} positions",
                                 recipe.train.sequence_length, start.shape.max_positions),
                     "shorten the rows, or raise model.max_positions for a model from scratch");
  }
  if (in.tokenizer) check_tokenizer_of_model(recipe, start, *in.tokenizer);
  if (recipe.adapter.kind != "none" && start.source &&
      start.shape.vocab_size > start.source->shape().vocab_size) {
    throw UsageError(fmt::format("model.vocab_size {} adds tokens to a base that stays frozen, and "
                                 "an adapter cannot hold them",
                                 recipe.model.vocab_size),
                     "train the added tokens in a stage without adapters first");
  }
}

void warn_of_long_instructions(const Recipe& recipe, const TokenStream& stream, const Log& log) {
  if (const auto cut = stream.num_truncated_documents(); cut > 0) {
    log.warn("{} of {} documents are instructions longer than a row of {} tokens: their ends are cut off "
             "(train.sequence_length)",
             with_commas(cut), with_commas(stream.num_documents()), recipe.train.sequence_length);
  }
  if (const auto dropped = stream.num_dropped_documents(); dropped > 0) {
    log.warn("{} of {} documents are left out: instructions whose answer begins behind the end of a row of {} "
             "tokens (train.sequence_length)",
             with_commas(dropped), with_commas(stream.num_documents()), recipe.train.sequence_length);
  }
}

}  // namespace

StageInputs open_stage_inputs(const Recipe& recipe, const Group& group, const Log& log) {
  StageInputs in;
  const auto seed = static_cast<std::uint64_t>(recipe.run.seed);
  if (recipe.data.synthetic_rows > 0) {
    in.start = initial_weights(recipe, 0);
    in.stream = TokenStream::synthetic(recipe.data.synthetic_rows,
                                       static_cast<int>(in.start.shape.vocab_size),
                                       recipe.train.sequence_length, seed);
    check_shape(recipe, in);
    return in;
  }
  in.tokenizer =
      recipe.data.sources.empty() ? Tokenizer::load(shard_folder(recipe)) : tokenizer_for(recipe);
  if (group.is_root() && !recipe.data.sources.empty())
    prepare(recipe, *in.tokenizer, shard_folder(recipe), log);
  group.barrier("preparation of the token shards by rank 0");
  in.stream.emplace(shard_folder(recipe), "train", recipe.train.sequence_length,
                    recipe.data.isolate_documents, seed);
  check_tokenizer(recipe, in);
  warn_of_long_instructions(recipe, *in.stream, log);
  in.start = initial_weights(recipe, in.tokenizer->vocab_size());
  check_shape(recipe, in);
  return in;
}

std::int64_t steps_of(const Recipe& recipe, const TokenStream& stream) {
  if (recipe.train.steps > 0) return recipe.train.steps;
  const double rows = recipe.train.epochs * static_cast<double>(stream.rows_per_epoch());
  return std::max<std::int64_t>(
      1, std::llround(std::ceil(rows / static_cast<double>(recipe.train.global_batch))));
}

}  // namespace anneal
