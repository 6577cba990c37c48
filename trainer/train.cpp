#include "trainer/train.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/fingerprint.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/text.h"
#include "data/prepare.h"
#include "data/token_stream.h"
#include "recipes/recipe.h"
#include "trainer/checkpoint.h"
#include "trainer/export_model.h"
#include "trainer/gemm_rate.h"
#include "trainer/heldout_loss.h"
#include "trainer/initial_weights.h"
#include "trainer/optimizer.h"
#include "trainer/run_folder.h"
#include "trainer/schedule.h"
#include "trainer/threads.h"

namespace anneal {

namespace {

using Clock = std::chrono::steady_clock;

/// Steps in a row whose loss or gradient may be non-finite (they are skipped) before the job ends.
constexpr int kMostSkippedInARow = 5;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// What must be the same for a run to go on: all of the recipe but for how long and how often.
std::string recipe_fingerprint(Recipe recipe) {
  const TrainOptions defaults;
  recipe = without_cadence(recipe);
  recipe.run.dir = recipe.data.shards = "";
  recipe.train.steps = defaults.steps;
  recipe.train.epochs = defaults.epochs;
  recipe.train.validate_every = defaults.validate_every;
  recipe.data.sources.clear();  // the data stream has a fingerprint of its own
  return fingerprint(to_yaml(recipe));
}

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

/// All that one stage works with.
class Stage {
 public:
  Stage(const Recipe& recipe, const Group& group, const Log& log, const TrainCall& call)
      : recipe_(recipe), group_(group), log_(log), folder_{recipe.run.dir} {
    set_threads(call.ranks_on_node);
    if (!synthetic()) open_data();
    start_ = initial_weights(recipe_, tokenizer_ ? tokenizer_->vocab_size() : 0);
    if (synthetic()) {
      stream_ = TokenStream::synthetic(recipe_.data.synthetic_rows, static_cast<int>(start_.shape.vocab_size),
                                       recipe_.train.sequence_length, static_cast<std::uint64_t>(recipe_.run.seed));
    }
    check_shape();
    model_.emplace(start_.shape, recipe_.adapter, recipe_.train, group_, call.device);
    steps_ = recipe_.train.steps > 0
                 ? recipe_.train.steps
                 : std::max<std::int64_t>(
                       1, std::llround(std::ceil(recipe_.train.epochs *
                                                 static_cast<double>(stream_->rows_per_epoch()) /
                                                 static_cast<double>(recipe_.train.global_batch))));
    load(call.fresh);
    if (!synthetic()) heldout_.emplace(shard_folder(recipe_), recipe_.train.sequence_length,
                                         recipe_.data.isolate_documents, group_);
  }

  TrainOutcome run() {
    introduce();
    const Schedule schedule(recipe_.train.optimizer, steps_);
    TrainOutcome outcome{.resumed = resumed_};
    std::optional<MetricsWriter> metrics;
    if (group_.is_root()) metrics.emplace(folder_, resumed_ ? state_.step : -1);
    const double peak_flops = measured_gemm_rate(group_);
    if (state_.step == 0) validate(metrics, outcome.heldout_before);

    Progress progress(recipe_.name, steps_, log_.speaks());
    progress.set(state_.step);
    std::vector<double> speeds;
    const auto loop_start = Clock::now();
    bool saved = false;
    while (state_.step < steps_) {
      const auto step_start = Clock::now();
      const double rate = schedule.rate(state_.step + 1);
      const StepResult result = one_step(rate);
      const double step_s = seconds_since(step_start);
      const auto tokens = recipe_.train.global_batch * recipe_.train.sequence_length;
      speeds.push_back(static_cast<double>(tokens) / step_s);
      outcome.final_loss = result.loss;
      if (metrics) {
        metrics->write({.step = state_.step,
                        .tokens = state_.samples * recipe_.train.sequence_length,
                        .data_index = state_.samples,
                        .loss = result.loss,
                        .lr = rate,
                        .grad_norm = result.grad_norm,
                        .tokens_per_second = speeds.back(),
                        .step_seconds = step_s,
                        .mfu = speeds.back() * flops_per_token(start_.shape, recipe_.train.sequence_length,
                                                               model_->has_adapters()) / peak_flops,
                        .peak_rss_gib = peak_rss_gib()});
      }
      progress.set(state_.step, fmt::format("loss {:.4f} lr {:.2e} {} tokens/s", result.loss, rate,
                                            with_commas(std::llround(speeds.back()))));
      const bool last = state_.step == steps_;
      const auto every = recipe_.train.validate_every;
      if (last || (every > 0 && state_.step % every == 0)) validate(metrics, outcome.heldout_after);
      saved = (last && !synthetic()) || (recipe_.train.checkpoint_every > 0 &&
                       state_.step % recipe_.train.checkpoint_every == 0);
      if (saved) save();
    }
    progress.finish();
    if (metrics) metrics->flush();
    if (resumed_) complete(metrics, outcome, speeds);
    outcome.steps = steps_;
    outcome.tokens = state_.samples * recipe_.train.sequence_length;
    outcome.seconds = seconds_since(loop_start);
    if (!speeds.empty()) {
      std::nth_element(speeds.begin(), speeds.begin() + speeds.size() / 2, speeds.end());
      outcome.tokens_per_second = speeds[speeds.size() / 2];
    }
    report_memory();
    if (!synthetic()) outcome.output = export_model(*model_, start_, *tokenizer_, folder_, group_).string();
    return outcome;
  }

 private:
  struct StepResult {
    double loss = 0, grad_norm = 0;
  };

  /// Fetch, forward, backward, reduce, clip, step.
  StepResult one_step(double rate) {
    const std::int64_t length = recipe_.train.sequence_length;
    const auto [first, last] = rank_rows(recipe_.train.global_batch, group_);
    // Every rank makes as many passes as the one with the most rows: collectives must pair up.
    const std::int64_t most_rows = (recipe_.train.global_batch + group_.size() - 1) / group_.size();
    const std::int64_t micro = recipe_.train.micro_batch > 0 ? recipe_.train.micro_batch : most_rows;
    const std::int64_t passes = (most_rows + micro - 1) / micro;

    group_.set_place(fmt::format("step {}", state_.step + 1));
    std::vector<TokenBatch> batches(passes);
    std::vector<std::int64_t> begins(passes);
    double counts[1] = {0};
    for (std::int64_t p = 0; p < passes; ++p) {
      begins[p] = std::min(state_.samples + first + p * micro, state_.samples + last);
      const std::int64_t rows = std::min(micro, state_.samples + last - begins[p]);
      batches[p] = stream_->rows(static_cast<std::uint64_t>(begins[p]), rows);
      batches[p].length = length;
      counts[0] += static_cast<double>(batches[p].num_targets);
    }
    group_.all_reduce_sum(counts, "count of the step's targets");
    const double targets = std::max(1.0, counts[0]);

    double sums[1] = {0};
    for (std::int64_t p = 0; p < passes; ++p) {
      StepContext context{.loss_scale = 1.0 / targets,
                          .accumulate = p > 0,
                          .last = p + 1 == passes,
                          .dropout_key = derive_key({static_cast<std::uint64_t>(recipe_.run.seed),
                                                     name_key("dropout")}),
                          .samples = sample_indices(begins[p], batches[p].rows)};
      sums[0] += model_->forward_backward(batches[p], context);
    }

    const auto units = model_->trained_units();
    const double grad_norm = std::sqrt(global_squared_norm(units, model_->mesh(), sums));
    const double loss = sums[0] / targets;
    const double clip = recipe_.train.optimizer.clip;
    ++state_.step;
    state_.samples += recipe_.train.global_batch;
    state_.tokens += static_cast<std::int64_t>(targets);
    if (!std::isfinite(loss) || !std::isfinite(grad_norm)) {
      skip(loss, grad_norm);
    } else {
      skipped_in_a_row_ = 0;
      ++state_.updates;
      adamw_step(units, recipe_.train.optimizer, rate,
                 clip > 0 ? std::min(1.0, clip / (grad_norm + 1e-6)) : 1.0, state_.updates);
      model_->weights_changed();
    }
    return {loss, grad_norm};
  }

  /// A step with numbers that are not finite changes nothing; too many in a row end the job.
  void skip(double loss, double grad_norm) {
    if (++skipped_in_a_row_ > kMostSkippedInARow) {
      throw NonFiniteError(
          fmt::format("step {}: loss {} and gradient norm {}; {} steps in a row were not finite",
                      state_.step, loss, grad_norm, skipped_in_a_row_),
          "lower train.optimizer.lr, lengthen the warm-up, or look at the data with anneal inspect");
    }
    log_.warn("step {}: loss {} and gradient norm {} are not finite; the step is skipped (samples {} to {})",
              state_.step, loss, grad_norm, state_.samples - recipe_.train.global_batch,
              state_.samples - 1);
  }

  /// Random tokens (a benchmark): no tokenizer, nothing held out, no model written.
  bool synthetic() const { return recipe_.data.synthetic_rows > 0; }

  void open_data() {
    tokenizer_ = open_tokenizer();
    prepare_shards();
    stream_.emplace(shard_folder(recipe_), "train", recipe_.train.sequence_length,
                    recipe_.data.isolate_documents, static_cast<std::uint64_t>(recipe_.run.seed));
    check_tokenizer();
    warn_of_long_instructions();
  }

  void warn_of_long_instructions() const {
    if (const auto cut = stream_->num_truncated_documents(); cut > 0) {
      log_.warn("{} of {} documents are instructions longer than a row of {} tokens: their ends are cut off "
                "(train.sequence_length)",
                with_commas(cut), with_commas(stream_->num_documents()), recipe_.train.sequence_length);
    }
    if (const auto dropped = stream_->num_dropped_documents(); dropped > 0) {
      log_.warn("{} of {} documents are left out: instructions whose answer begins behind the end of a row of {} "
                "tokens (train.sequence_length)",
                with_commas(dropped), with_commas(stream_->num_documents()), recipe_.train.sequence_length);
    }
  }

  /// Each rank's peak so far, before the whole model is gathered for writing.
  void report_memory() const {
    std::vector<double> peaks(static_cast<std::size_t>(group_.size()));
    peaks[static_cast<std::size_t>(group_.rank())] = peak_rss_gib();
    group_.all_reduce_sum(peaks, "peak memory of the ranks");
    std::string text;
    for (const double peak : peaks) text += fmt::format("{}{:.2f}", text.empty() ? "" : ", ", peak);
    log_.info("peak resident memory by rank: {} GiB", text);
  }

  void set_threads(int ranks_on_node) {
    at::set_num_threads(recipe_.train.threads > 0 ? static_cast<int>(recipe_.train.threads)
                                                  : threads_for_rank(ranks_on_node));
  }

  Tokenizer open_tokenizer() const {
    if (recipe_.data.sources.empty()) return Tokenizer::load(shard_folder(recipe_));
    return tokenizer_for(recipe_);
  }

  void prepare_shards() {
    if (group_.is_root() && !recipe_.data.sources.empty()) {
      prepare(recipe_, *tokenizer_, shard_folder(recipe_), log_);
    }
    group_.barrier("preparation of the token shards by rank 0");
  }

  void check_tokenizer() const {
    if (stream_->tokenizer_fingerprint() == tokenizer_->fingerprint()) return;
    throw DataError(
        fmt::format("the tokenizer does not match the token shards in {}: it has {} pieces and fingerprint "
                    "{}, the shards were written with {} pieces and fingerprint {}",
                    shard_folder(recipe_).string(), tokenizer_->vocab_size(), tokenizer_->fingerprint(),
                    stream_->vocab_size(), stream_->tokenizer_fingerprint()),
        "prepare the shards again with this tokenizer (remove the folder), or use the other one");
  }

  void check_shape() const {
    if (recipe_.train.sequence_length > start_.shape.max_positions) {
      throw UsageError(fmt::format("train.sequence_length {} is longer than the model's {} positions",
                                   recipe_.train.sequence_length, start_.shape.max_positions),
                       "shorten the rows, or raise model.max_positions for a model from scratch");
    }
    if (tokenizer_) check_tokenizer_of_model(recipe_, start_, *tokenizer_);
    if (recipe_.adapter.kind != "none" && start_.source && start_.shape.vocab_size > start_.source->shape().vocab_size) {
      throw UsageError(fmt::format("model.vocab_size {} adds tokens to a base that stays frozen, and an adapter cannot hold them",
                                   recipe_.model.vocab_size),
                       "train the added tokens in a stage without adapters first");
    }
  }

  void load(bool fresh) {
    state_.data_fingerprint = stream_->fingerprint();
    state_.recipe_fingerprint = recipe_fingerprint(recipe_);
    if (recipe_.adapter.kind != "none" && start_.source) {
      // The frozen base is in no checkpoint: an adapter must not go on over another one.
      const std::string base = group_.is_root() ? weights_fingerprint(*start_.source) : "";
      state_.recipe_fingerprint =
          fingerprint(state_.recipe_fingerprint + group_.broadcast(base, "fingerprint of the base"));
    }
    if (group_.is_root()) {
      make_folders(folder_.root);
      if (fresh) {  // first what makes the folder look finished
        for (const char* name : {"stage.json", "summary.json", "model", "adapter", "checkpoints", "tensorboard"}) {
          std::filesystem::remove_all(folder_.root / name);
        }
      }
      remove_unfinished_checkpoints(folder_.checkpoints());
    }
    group_.barrier("clean-up of the checkpoint folder");
    model_->fill_base(start_.base);
    if (model_->has_adapters()) {
      model_->fill_adapters(
          fresh_weights(start_.shape, static_cast<std::uint64_t>(recipe_.run.seed)));
    }
    const auto loaded = load_newest_checkpoint(folder_.checkpoints(), *model_, group_, log_);
    if (!loaded) return;
    if (loaded->data_fingerprint != state_.data_fingerprint) {
      throw DataError(fmt::format("the data changed since the checkpoint at step {} in {}", loaded->step,
                                  folder_.checkpoints().string()),
                      "put the data back, or start again with --fresh");
    }
    if (loaded->recipe_fingerprint != state_.recipe_fingerprint) {
      throw UsageError(fmt::format("the recipe changed since the checkpoint at step {} in {}",
                                   loaded->step, folder_.checkpoints().string()),
                       "use the recipe in the run folder, or start again with --fresh");
    }
    if (loaded->step > steps_) {
      throw UsageError(fmt::format("{} holds a checkpoint of step {}, the recipe ends at step {}",
                                   folder_.checkpoints().string(), loaded->step, steps_),
                       "raise train.steps, or start again with --fresh");
    }
    state_ = *loaded;
    resumed_ = true;
  }

  void introduce() const {
    if (group_.is_root()) write_file_atomic(folder_.recipe(), to_yaml(recipe_));
    log_.info("model: {}", start_.shape.describe());
    if (model_->has_adapters()) {
      log_.info("adapters: {} r {} alpha {:g} on {} matrices a layer; {} trained parameters, the base is frozen",
                recipe_.adapter.kind, recipe_.adapter.r, recipe_.adapter.alpha,
                recipe_.adapter.targets.size(), with_commas(model_->num_trained_parameters()));
    }
    log_.info("{} rank(s) x {} thread(s); {} steps of {} rows x {} tokens; {} rows an epoch ({:.2f} epochs)",
              group_.size(), at::get_num_threads(), steps_, recipe_.train.global_batch,
              recipe_.train.sequence_length, with_commas(static_cast<std::int64_t>(stream_->rows_per_epoch())),
              static_cast<double>(steps_ * recipe_.train.global_batch) /
                  static_cast<double>(stream_->rows_per_epoch()));
    if (resumed_) log_.info("resuming at step {} of {}", state_.step, steps_);
  }

  void validate(std::optional<MetricsWriter>& metrics, std::map<std::string, double>& losses) {
    if (!heldout_) return;
    for (const auto& [split, loss] : heldout_->evaluate(*model_)) {
      losses[split] = loss;
      if (metrics) metrics->write_validation(state_.step, split, loss);
    }
  }

  /// Adds what earlier calls of a resumed run measured (their lines are in metrics.jsonl), and validates
  /// if the last of them was stopped before it did.
  void complete(std::optional<MetricsWriter>& metrics, TrainOutcome& outcome, std::vector<double>& speeds) {
    speeds.clear();
    std::map<std::string, double> last;
    if (group_.is_root()) {
      for (const auto& line : read_metrics(folder_)) {
        if (line.split.empty()) {
          outcome.final_loss = line.loss;
          speeds.push_back(line.tokens_per_second);
        } else {
          if (line.step == 0) outcome.heldout_before[line.split] = line.loss;
          if (line.step == steps_) last[line.split] = line.loss;
        }
      }
    }
    double known[1] = {static_cast<double>(last.size())};
    group_.all_reduce_sum(known, "agreement on the last validation");
    if (known[0] == 0) {
      validate(metrics, outcome.heldout_after);
    } else if (group_.is_root()) {
      outcome.heldout_after = last;
    }
  }

  void save() {
    save_checkpoint(folder_.checkpoints(), *model_, state_, group_, recipe_.train.keep_checkpoints);
  }

  const Recipe& recipe_;
  Group group_;
  Log log_;
  RunFolder folder_;
  std::optional<Tokenizer> tokenizer_;
  std::optional<TokenStream> stream_;
  InitialWeights start_;
  std::optional<ShardedModel> model_;
  std::optional<HeldoutLoss> heldout_;
  TrainState state_;
  std::int64_t steps_ = 0;
  int skipped_in_a_row_ = 0;
  bool resumed_ = false;
};

}  // namespace

TrainOutcome train(const Recipe& recipe, const Group& group, const Log& log, const TrainCall& call) {
  return Stage(recipe, group, log, call).run();
}

}  // namespace anneal
