// The eval stage: held-out loss of a model on every source of the recipe, over all ranks.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include <ATen/Parallel.h>

#include "base/error.h"
#include "data/prepare.h"
#include "launch/stage.h"
#include "trainer/threads.h"
#include "trainer/heldout_loss.h"
#include "trainer/initial_weights.h"

namespace anneal {

using Json = nlohmann::ordered_json;

Json run_eval_stage(const Recipe& recipe, const CommandContext& context) {
  at::set_num_threads(threads_for_rank(context.world.ranks_on_node()));
  const bool own_sources = !recipe.data.sources.empty();
  const Tokenizer tokenizer = own_sources ? tokenizer_for(recipe) : Tokenizer::load(shard_folder(recipe));
  if (context.group().is_root() && own_sources) prepare(recipe, tokenizer, shard_folder(recipe), context.log);
  context.group().barrier("preparation of the token shards by rank 0");
  const InitialWeights start = initial_weights(recipe, tokenizer.vocab_size());
  check_tokenizer_of_model(recipe, start, tokenizer);
  if (recipe.train.sequence_length > start.shape.max_positions) {
    throw UsageError(fmt::format("train.sequence_length {} is longer than the model's {} positions",
                                 recipe.train.sequence_length, start.shape.max_positions),
                     "shorten the rows");
  }
  ShardedModel model(start.shape, AdapterOptions{}, recipe.train, context.group());
  model.fill_base(start.base);
  const HeldoutLoss heldout(shard_folder(recipe), recipe.train.sequence_length,
                            recipe.data.isolate_documents, context.group());
  Json metrics;
  for (const auto& [split, loss] : heldout.evaluate(model)) {
    metrics["heldout"][split] = {{"loss", loss}, {"perplexity", std::exp(loss)}};
    context.log.info("{:<20} loss {:.4f}  perplexity {:.2f}", split, loss, std::exp(loss));
  }
  if (metrics.is_null()) {
    throw DataError("nothing was held out from any source", "set data.sources.<name>.heldout above 0");
  }
  return metrics;
}

}  // namespace anneal
