#include "recipes/validate.h"

#include <cmath>
#include <set>

#include <fmt/core.h>

#include "base/text.h"
#include "recipes/recipe.h"

namespace anneal {
namespace {

/// One recipe's validation; each method is one section of the schema.
class Validator {
 public:
  Validator(const Recipe& recipe, const std::filesystem::path& file, const Places& places, Faults& faults)
      : r_(recipe), file_(file), places_(places), faults_(faults) {}

  void run() {
    sources();
    mixture();
    switch (r_.stage) {
      case StageKind::kCorpus: break;
      case StageKind::kTokenizer: need_sources(/*shards_do=*/false); break;
      case StageKind::kTrain:
        need_sources(/*shards_do=*/true);
        model_shape();
        tokenizer();
        training();
        optimizer();
        adapter();
        break;
      case StageKind::kGenerate:
        need_model();
        model_shape();
        generation();
        break;
      case StageKind::kScore:
        need(r_.score.input, "score.input", "the crystals to judge");
        if (!r_.score.hull.empty() && !r_.score.stability) {
          fault("score.hull", "'score.hull' is for the stability of crystals: set 'score.stability: true', or leave it out");
        }
        break;
      case StageKind::kEval:
        need_model();
        need_sources(/*shards_do=*/true);
        break;
    }
  }

 private:
  template <class... Args>
  void fault(const std::string& key, fmt::format_string<Args...> format, Args&&... args) {
    if (faults_.is_unread(key)) return;
    faults_.add(place_of(places_, key, file_), fmt::format(format, std::forward<Args>(args)...));
  }
  void need(const std::string& value, const std::string& key, const std::string& what) {
    if (value.empty()) fault(key, "a {} stage needs '{}': {}", to_string(r_.stage), key, what);
  }
  void need_model() {
    need(r_.model.from, "model.from", "a Hugging Face folder, a run folder or a checkpoint");
  }
  void need_sources(bool shards_do) {
    if (r_.data.synthetic_rows > 0) {
      if (!r_.data.sources.empty()) {
        fault("data.synthetic_rows", "'data.synthetic_rows' gives random tokens, and there are 'data.sources' too");
      }
      return;
    }
    if (!r_.data.sources.empty() || (shards_do && !r_.data.shards.empty())) return;
    fault("data.sources", "a {} stage needs 'data.sources'{}", to_string(r_.stage),
          shards_do ? " (or 'data.shards', a folder of token shards)" : "");
  }

  void sources() {
    for (const auto& [name, source] : r_.data.sources) {
      const std::string key = "data.sources." + name;
      if (source.path.empty()) fault(key + ".path", "'{}.path' is missing: a file, folder or pattern", key);
      if (name.find_first_of("./ ;") != std::string::npos) {
        fault(key, "'{}': a source's name must not hold '.', '/', ';' or a blank", key);
      }
      if (source.kind == "jsonl" && source.field.empty()) fault(key + ".field", "'{}.field' is empty", key);
      if (source.kind == "csv" && source.column.empty()) fault(key + ".column", "'{}.column' is empty", key);
      if (!source.tasks.empty() && source.kind != "crystal_tasks") {
        fault(key + ".tasks", "'{}.tasks' is for kind crystal_tasks; this source is of kind {}", key, source.kind);
      }
    }
  }

  void mixture() {
    const auto& mixture = r_.data.mixture;
    if (mixture.empty()) return;
    double sum = 0;
    for (const auto& [name, share] : mixture) {
      sum += share;
      if (!r_.data.sources.count(name)) fault("data.mixture." + name, "'data.mixture.{}' names no source of this recipe", name);
    }
    for (const auto& [name, source] : r_.data.sources) {
      if (!mixture.count(name)) {
        fault("data.mixture", "source '{}' has no share in 'data.mixture' (write {}: 0 to leave it out)", name, name);
      }
    }
    if (std::abs(sum - 1) > 1e-6) fault("data.mixture", "the shares of 'data.mixture' sum to {:.9g}; they must sum to 1", sum);
  }

  void model_shape() {
    const auto& m = r_.model;
    if (m.untrained && m.from.empty()) fault("model.untrained", "'model.untrained' takes the shape of 'model.from', which is empty");
    if (!m.from.empty()) return;  // the shape is read from there
    const auto kv_heads = m.kv_heads ? m.kv_heads : m.heads;
    if (m.heads % kv_heads != 0) {
      fault("model.kv_heads", "'model.heads' = {} is not a multiple of 'model.kv_heads' = {}", m.heads, kv_heads);
    }
    if (m.dim % m.heads != 0) {
      fault("model.dim", "'model.dim' = {} is not a multiple of 'model.heads' = {}", m.dim, m.heads);
    } else if (m.dim / m.heads % 2 != 0) {
      fault("model.dim", "'model.dim' / 'model.heads' = {} / {} = {}; rotary positions need an even number",
            m.dim, m.heads, m.dim / m.heads);
    }
    if (r_.stage == StageKind::kTrain && r_.train.sequence_length > m.max_positions) {
      fault("train.sequence_length", "'train.sequence_length' = {} is longer than 'model.max_positions' = {}",
            r_.train.sequence_length, m.max_positions);
    }
  }

  void tokenizer() {
    if (r_.data.synthetic_rows > 0) {
      if (r_.model.from.empty() && r_.model.vocab_size == 0) {
        fault("model.vocab_size", "random tokens ('data.synthetic_rows') need 'model.vocab_size'");
      }
      return;
    }
    if (r_.model.from.empty() && r_.tokenizer.path.empty() && r_.model.vocab_size == 0) {
      fault("tokenizer.path", "a model from scratch needs 'tokenizer.path' (or 'model.from', whose tokenizer is used)");
    }
  }

  void training() {
    const auto& t = r_.train;
    if (t.steps == 0 && t.epochs == 0) fault("train.steps", "'train.steps' and 'train.epochs' are both 0: nothing would be trained");
    if (!t.walltime.empty() && parse_duration_s(t.walltime).value_or(0) <= 0) {
      fault("train.walltime", "'train.walltime' = {} is no duration; it looks like 3h 50m, 03:50:00, 1-00:00:00 or 13800 (seconds)", anneal::quoted(t.walltime));
    }
    if (t.micro_batch > t.global_batch) {
      fault("train.micro_batch", "'train.micro_batch' = {} is larger than 'train.global_batch' = {}", t.micro_batch, t.global_batch);
    }
  }

  void optimizer() {
    const auto& o = r_.train.optimizer;
    const auto steps = r_.train.steps;
    if (o.warmup_steps > 0 && steps > 0 && o.warmup_steps > steps) {
      fault("train.optimizer.warmup_steps", "'train.optimizer.warmup_steps' = {} is more than 'train.steps' = {}", o.warmup_steps, steps);
    }
    if (o.beta1 >= 1) fault("train.optimizer.beta1", "'train.optimizer.beta1' is {}; it must be below 1", o.beta1);
    if (o.beta2 >= 1) fault("train.optimizer.beta2", "'train.optimizer.beta2' is {}; it must be below 1", o.beta2);
  }

  void adapter() {
    const auto& a = r_.adapter;
    if (a.kind == "none") return;
    if (!r_.train.freeze.empty()) {
      fault("train.freeze", "'train.freeze' is for full training: with 'adapter.kind' {} the whole base is frozen", a.kind);
    }
    if (r_.model.from.empty() && r_.data.synthetic_rows == 0) {  // a benchmark writes no adapter
      fault("adapter.kind", "'adapter.kind' is {} and 'model.from' is empty: an adapter needs a base that is stored somewhere", a.kind);
    }
    if (r_.model.untrained) {
      fault("model.untrained", "'model.untrained' gives fresh weights, which no file holds: an adapter could not name its base");
    }
    if (a.targets.empty()) fault("adapter.targets", "'adapter.targets' is empty: nothing would be trained");
    std::set<std::string> seen;
    for (const auto& target : a.targets) {
      if (!seen.insert(target).second) fault("adapter.targets", "'adapter.targets' names {} twice", target);
    }
  }

  void generation() {
    const auto& g = r_.generate;
    if (!g.prompt.empty() && !g.prompts.empty()) fault("generate.prompts", "'generate.prompt' and 'generate.prompts' are both given; one is enough");
    if (g.what == "text" && !g.conditions.empty()) fault("generate.conditions", "'generate.conditions' is for what: crystals");
  }

  const Recipe& r_;
  const std::filesystem::path& file_;
  const Places& places_;
  Faults& faults_;
};

}  // namespace

void validate(const Recipe& recipe, const std::filesystem::path& file, const Places& places, Faults& faults) {
  Validator(recipe, file, places, faults).run();
}

}  // namespace anneal
