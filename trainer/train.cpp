#include "trainer/train.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "base/text.h"
#include "data/prepare.h"
#include "parallel/mesh.h"
#include "recipes/recipe.h"
#include "trainer/checkpoint_writer.h"
#include "trainer/departure.h"
#include "trainer/export_model.h"
#include "trainer/gemm_rate.h"
#include "trainer/heldout_loss.h"
#include "trainer/incidents.h"
#include "trainer/loss_watch.h"
#include "trainer/model/product.h"
#include "trainer/resumption.h"
#include "trainer/run_folder.h"
#include "trainer/schedule.h"
#include "trainer/stage_inputs.h"
#include "trainer/threads.h"
#include "trainer/training_step.h"

namespace anneal {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The recipe, once what can be wrong without the data was looked at and the threads that it asks for are set.
const Recipe& prepared(const Recipe& recipe, const Group& group, const TrainCall& call) {
  check_mesh(group.size(), recipe.train.replicate);
  (void)product_library();  // reads the environment
  at::set_num_threads(recipe.train.threads > 0 ? static_cast<int>(recipe.train.threads)
                                               : threads_for_rank(call.ranks_on_node));
  return recipe;
}

/// All that one stage works with.
class Stage {
 public:
  Stage(const Recipe& recipe, const Group& group, const Log& log, const TrainCall& call)
      : recipe_(prepared(recipe, group, call)),
        call_(call),
        group_(group),
        log_(log),
        folder_{recipe.run.dir},
        inputs_(open_stage_inputs(recipe, group, log)),
        model_(inputs_.start.shape, recipe.adapter, recipe.train, group, call.device),
        resumption_(recipe, inputs_, folder_, group, log),
        steps_(steps_of(recipe, *inputs_.stream)),
        schedule_(recipe.train.optimizer, steps_),
        step_(recipe, *inputs_.stream, model_, group),
        writer_(folder_.checkpoints(), group, keep_policy(recipe.train), log),
        departure_(recipe, group, call) {
    resumption_.clean_up(call.fresh);
    writer_.expect_first_save_of(model_);
    state_ = resumption_.load(model_, steps_);
    resumed_ = state_.step > 0;
    incidents_.emplace(folder_, group_, log_);
    watch_.emplace(recipe_.train.faults, state_.recent_losses);
    if (inputs_.synthetic()) return;
    heldout_.emplace(shard_folder(recipe_), recipe_.train.sequence_length,
                     recipe_.data.isolate_documents, group_);
  }

  TrainOutcome run() {
    introduce();
    TrainOutcome outcome{.resumed = resumed_};
    open_metrics(resumed_ ? state_.step : -1);
    peak_flops_ = measured_gemm_rate(group_);
    if (state_.step == 0) validate(outcome.heldout_before);

    Progress progress(recipe_.name, steps_, log_.speaks());
    progress.set(state_.step);
    const auto loop_start = Clock::now();
    while (state_.step < steps_) {
      const auto step_start = Clock::now();
      const double rate = schedule_.rate(state_.step + 1);
      call_.on_step(state_.step + 1);
      group_.set_place(fmt::format("step {}", state_.step + 1));
      const std::int64_t first = incidents_->next_sample(state_.samples);
      const auto [result, leave] = one_step(first);
      const StepJudgement judgement = watch_->judge(result.loss, result.grad_norm);
      const bool sound = judgement.fault == StepFault::kNone;
      advance(first, result.targets);
      if (sound) {
        step_.update(result, rate, ++state_.updates);
        watch_->accept(result.loss);
        state_.skipped_in_a_row = 0;
      } else if (at_fault(first, result, judgement) == FaultAction::kRewind) {
        progress.set(state_.step);
        continue;
      }
      if (sound) outcome.final_loss = result.loss;
      departure_.took(seconds_since(step_start));
      note(result, rate, seconds_since(step_start), judgement, progress);
      const bool last = state_.step == steps_, due = save_is_due(last), saves = due || !leave.empty();
      state_.heldout.clear();
      if (validation_is_due(last, due)) {
        validate(outcome.heldout_after);
        state_.heldout = outcome.heldout_after;
      }
      if (saves) save(/*must=*/last || !leave.empty());
      if (!last && !leave.empty()) departure_.leave(leave, state_.step, steps_);
    }
    writer_.finish();
    progress.finish();
    if (metrics_) metrics_->flush();
    if (resumed_) complete(outcome);
    return finished(std::move(outcome), seconds_since(loop_start));
  }

 private:
  struct StepAndLeave {
    StepResult result;
    /// Why the run leaves after this step, "" if it goes on; the same on all ranks.
    std::string leave;
  };

  /// Fetch, forward, backward, reduce; along with it the ranks agree on leaving and on the save
  /// under way.
  StepAndLeave one_step(std::int64_t first) {
    const auto written = writer_.votes();
    const auto reasons = departure_.votes(writer_.last_seconds());
    std::vector<double> votes(written.begin(), written.end());
    votes.insert(votes.end(), reasons.begin(), reasons.end());
    const StepResult result = step_.gradients(first, votes);
    writer_.advance(std::span(votes).first(written.size()));
    return {result, departure_.reason(std::span(votes).subspan(written.size()))};
  }

  void advance(std::int64_t first, std::int64_t targets) {
    ++state_.step;
    state_.samples = first + recipe_.train.global_batch;
    state_.tokens += targets;
  }

  /// A step at fault changes no weight. After several in a row the run goes back and leaves their
  /// samples out; after several returns it ends.
  FaultAction at_fault(std::int64_t first, const StepResult& result,
                       const StepJudgement& judgement) {
    const FaultOptions& options = recipe_.train.faults;
    if (state_.skipped_in_a_row++ == 0) state_.fault_begin = first;
    const auto done = static_cast<std::int64_t>(incidents_->rewinds().size());
    const FaultAction action = fault_action(options, state_.skipped_in_a_row, done);
    incidents_->record(state_.step, result, judgement, action, first, recipe_.train.global_batch,
                       *inputs_.stream);
    if (action == FaultAction::kRewind) rewind();
    if (action == FaultAction::kEnd) {
      writer_.finish();
      throw NonFiniteError(
          fmt::format("step {}: loss {} and gradient norm {}; {} steps in a row were {}, and the "
                      "run went back {} time(s) before",
                      state_.step, result.loss, result.grad_norm, state_.skipped_in_a_row,
                      judgement.fault == StepFault::kSpike ? "at fault" : "not finite", done),
          fmt::format("{} lists the documents; lower train.optimizer.lr, lengthen the warm-up, "
                      "look at the data with "
                      "anneal inspect, or allow more with train.faults",
                      folder_.incidents().string()));
    }
    return action;
  }

  void rewind() {
    const Rewind rewind{
        .from_step = state_.step, .begin = state_.fault_begin, .end = state_.samples};
    writer_.finish();
    incidents_->add(rewind);  // first: whatever happens now, these samples are left out
    state_ = resumption_.load(model_, steps_, Wanted::kBeforeFaults);
    state_.skipped_in_a_row = 0;
    if (group_.is_root()) remove_checkpoints_after(folder_.checkpoints(), state_.step);
    watch_.emplace(recipe_.train.faults, state_.recent_losses);
    open_metrics(state_.step);
    log_.info("back from step {} to step {}; samples {} to {} are left out", rewind.from_step,
              state_.step, rewind.begin, rewind.end - 1);
  }

  bool save_is_due(bool last) const {
    if (last && !inputs_.synthetic()) return true;
    // Amid steps at fault the weights may be what is wrong: going back must find ones from before.
    if (state_.skipped_in_a_row > 0) return false;
    return recipe_.train.checkpoint_every > 0 && state_.step % recipe_.train.checkpoint_every == 0;
  }

  /// At the end, at its own cadence, and for checkpoints that compete for being the best (one that is
  /// only due to leaving does not).
  bool validation_is_due(bool last, bool saves) const {
    const auto every = recipe_.train.validate_every;
    return last || (every > 0 && state_.step % every == 0) ||
           (saves && recipe_.train.keep_best > 0);
  }

  /// A save that must succeed is waited for; of the others one that fails is a warning.
  void save(bool must) {
    state_.recent_losses = watch_->recent();
    if (must) return writer_.save(model_, state_);
    const bool background = copies_for_checkpoints(recipe_.train);
    writer_.start(model_, state_, /*copy=*/background);
    if (!background) writer_.finish();
  }

  void open_metrics(std::int64_t resume_step) {
    metrics_.reset();
    if (group_.is_root()) metrics_.emplace(folder_, resume_step, log_);
  }

  void note(const StepResult& result, double rate, double step_s, const StepJudgement& judgement,
            Progress& progress) {
    const std::int64_t length = recipe_.train.sequence_length;
    speeds_.push_back(static_cast<double>(recipe_.train.global_batch * length) / step_s);
    if (metrics_) {
      metrics_->write({.step = state_.step,
                       .tokens = state_.step * recipe_.train.global_batch * length,
                       .data_index = state_.samples,
                       .loss = result.loss,
                       .lr = rate,
                       .grad_norm = result.grad_norm,
                       .tokens_per_second = speeds_.back(),
                       .step_seconds = step_s,
                       .mfu = speeds_.back() *
                              flops_per_token(inputs_.start.shape, length, model_.has_adapters()) /
                              peak_flops_,
                       .peak_rss_gib = peak_rss_gib(),
                       .fault = judgement.fault == StepFault::kNone    ? ""
                                : judgement.fault == StepFault::kSpike ? "spike"
                                                                       : "not finite"});
    }
    progress.set(state_.step, fmt::format("loss {:.4f} lr {:.2e} {} tokens/s", result.loss, rate,
                                          with_commas(std::llround(speeds_.back()))));
  }

  void introduce() const {
    if (group_.is_root()) write_file_atomic(folder_.recipe(), to_yaml(recipe_));
    const auto rows = inputs_.stream->rows_per_epoch();
    log_.info("model: {}", inputs_.start.shape.describe());
    if (model_.has_adapters()) {
      log_.info(
          "adapters: {} r {} alpha {:g} on {} matrices a layer; {} trained parameters, the base is "
          "frozen",
          recipe_.adapter.kind, recipe_.adapter.r, recipe_.adapter.alpha,
          recipe_.adapter.targets.size(), with_commas(model_.num_trained_parameters()));
    }
    log_.info(
        "{} rank(s) x {} thread(s); {} steps of {} rows x {} tokens; {} rows an epoch ({:.2f} "
        "epochs)",
        group_.size(), at::get_num_threads(), steps_, recipe_.train.global_batch,
        recipe_.train.sequence_length, with_commas(static_cast<std::int64_t>(rows)),
        static_cast<double>(steps_ * recipe_.train.global_batch) / static_cast<double>(rows));
    if (call_.device.is_cpu() && recipe_.train.precision == "fp32") {
      log_.info("fp32 matrix products: {}", product_library());
    }
    if (resumed_) log_.info("resuming at step {} of {}", state_.step, steps_);
  }

  void validate(std::map<std::string, double>& losses) {
    if (!heldout_) return;
    const auto start = Clock::now();
    for (const auto& [split, loss] : heldout_->evaluate(model_)) {
      losses[split] = loss;
      if (metrics_) metrics_->write_validation(state_.step, split, loss);
    }
    departure_.validated(seconds_since(start));
  }

  /// Adds what earlier calls of a resumed run measured (their lines are in metrics.jsonl), and
  /// validates if the last of them was stopped before it did.
  void complete(TrainOutcome& outcome) {
    std::map<std::string, double> last;
    if (group_.is_root()) {
      speeds_.clear();
      for (const auto& line : read_metrics(folder_)) {
        if (line.split.empty()) {
          outcome.final_loss = line.loss;
          speeds_.push_back(line.tokens_per_second);
        } else {
          if (line.step == 0) outcome.heldout_before[line.split] = line.loss;
          if (line.step == steps_) last[line.split] = line.loss;
        }
      }
    }
    double known[1] = {static_cast<double>(last.size())};
    group_.all_reduce_sum(known, "agreement on the last validation");
    if (known[0] == 0) {
      validate(outcome.heldout_after);
    } else if (group_.is_root()) {
      outcome.heldout_after = last;
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

  TrainOutcome finished(TrainOutcome outcome, double seconds) {
    outcome.steps = steps_;
    outcome.tokens = steps_ * recipe_.train.global_batch * recipe_.train.sequence_length;
    outcome.seconds = seconds;
    if (!speeds_.empty()) {
      const auto middle = speeds_.begin() + static_cast<std::ptrdiff_t>(speeds_.size() / 2);
      std::nth_element(speeds_.begin(), middle, speeds_.end());
      outcome.tokens_per_second = *middle;
    }
    report_memory();
    if (inputs_.synthetic()) return outcome;
    outcome.output =
        export_model(model_, inputs_.start, *inputs_.tokenizer, folder_, group_).string();
    return outcome;
  }

  const Recipe& recipe_;
  const TrainCall& call_;
  Group group_;
  Log log_;
  RunFolder folder_;
  StageInputs inputs_;
  ShardedModel model_;
  Resumption resumption_;
  std::int64_t steps_;
  Schedule schedule_;
  TrainingStep step_;
  CheckpointWriter writer_;
  Departure departure_;
  TrainState state_;
  bool resumed_ = false;
  std::optional<Incidents> incidents_;
  std::optional<LossWatch> watch_;
  std::optional<HeldoutLoss> heldout_;
  std::optional<MetricsWriter> metrics_;
  double peak_flops_ = 0;
  std::vector<double> speeds_;
};

}  // namespace

TrainOutcome train(const Recipe& recipe, const Group& group, const Log& log,
                   const TrainCall& call) {
  return Stage(recipe, group, log, call).run();
}

}  // namespace anneal
