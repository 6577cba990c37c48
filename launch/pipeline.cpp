#include "launch/pipeline.h"

#include <cctype>
#include <chrono>
#include <map>
#include <set>

#include <nlohmann/json.hpp>
#include <torch/headeronly/version.h>

#include "base/error.h"
#include "base/files.h"
#include "base/fingerprint.h"
#include "base/text.h"
#include "base/version.h"
#include "cif/stability/chgnet.h"
#include "data/source.h"
#include "launch/report.h"
#include "launch/score_stability.h"
#include "launch/stage.h"
#include "launch/stop_signals.h"

namespace anneal {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr const char* kStartedFile = "started.json";  ///< fingerprint of the call that filled a folder

/// What a file from outside is: its content, or size and time where reading it would take long.
std::string describe_file(const fs::path& file) {
  constexpr std::uintmax_t kReadBytes = 256 << 20;
  std::error_code error;
  const auto bytes = fs::file_size(file, error);
  if (error) return file.string() + " cannot be read\n";
  const std::string content = bytes <= kReadBytes
                                  ? fingerprint_file(file)
                                  : std::to_string(fs::last_write_time(file, error).time_since_epoch().count());
  return fmt::format("{} {} {}\n", file.string(), bytes, content);
}

/// Whether a path lies in the pipeline's folder, where stages write.
bool lies_in(const fs::path& pipeline_dir, const fs::path& path) {
  const std::string own = fs::absolute(pipeline_dir).lexically_normal().string() + "/";
  return fs::absolute(path).lexically_normal().string().starts_with(own);
}

/// The files from outside the pipeline's folder that a recipe reads: a change of them is a change of the
/// stage.
std::string describe_inputs(const Recipe& recipe, const fs::path& pipeline_dir) {
  std::vector<std::string> patterns = {recipe.model.from,          recipe.tokenizer.path,
                                       recipe.data.shards,         recipe.generate.prompts,
                                       recipe.score.input,         recipe.score.baseline,
                                       recipe.score.unconstrained, recipe.score.reference};
  for (const auto pattern : split(recipe.score.hull, ';')) patterns.emplace_back(trim(pattern));
  if (recipe.stage == StageKind::kScore && recipe.score.stability) patterns.push_back(chgnet_weights_path());
  for (const auto& [name, source] : recipe.data.sources) {
    for (const auto pattern : split(source.path, ';')) patterns.emplace_back(trim(pattern));
  }
  if (recipe.stage == StageKind::kCorpus) {
    patterns.push_back(recipe.corpus.crystals);
    patterns.push_back(recipe.corpus.general);
  }
  std::string text;
  for (const auto& pattern : patterns) {
    if (pattern.empty()) continue;
    for (const auto& file : expand_paths(pattern)) {
      if (lies_in(pipeline_dir, file)) continue;
      text += describe_file(file);
    }
  }
  return text;
}

/// Whether `text` names `folder` or something in it ("runs/generate" is not in "runs/generate_more").
bool names_folder(const std::string& text, const std::string& folder) {
  for (auto at = text.find(folder); at != std::string::npos; at = text.find(folder, at + 1)) {
    const char next = at + folder.size() < text.size() ? text[at + folder.size()] : ' ';
    if (!std::isalnum(static_cast<unsigned char>(next)) && next != '_' && next != '-') return true;
  }
  return false;
}

/// A file or folder that nobody can have made when its stage starts is told before the first stage runs.
/// Throws DataError.
void check_inputs(const Recipe& recipe, const fs::path& pipeline_dir) {
  for (const auto& [name, source] : recipe.data.sources) {
    for (const auto pattern : split(source.path, ';')) {
      if (trim(pattern).empty() || lies_in(pipeline_dir, trim(pattern))) continue;
      SourceOptions one = source;
      one.path = trim(pattern);
      source_files(name, one);
    }
  }
  const auto need = [&](const char* key, const std::string& path, bool there) {
    if (path.empty() || there || lies_in(pipeline_dir, path) || fs::exists(path)) return;
    throw DataError(fmt::format("{}: stage {}: {} does not exist", key, recipe.name, path),
                    fmt::format("check {}.{}; relative paths start at the folder the command is called from",
                                recipe.name, key));
  };
  for (const auto& [key, pattern] : {std::pair{"model.from", recipe.model.from},
                                     {"tokenizer.path", recipe.tokenizer.path},
                                     {"generate.prompts", recipe.generate.prompts}}) {
    need(key, pattern, !pattern.empty() && !expand_paths(pattern).empty());
  }
  if (recipe.stage != StageKind::kScore) return;
  // a score takes its inputs by their names, without patterns
  const JudgeOptions& score = recipe.score;
  for (const auto& [key, path] : {std::pair{"score.input", score.input},
                                  {"score.baseline", score.baseline},
                                  {"score.unconstrained", score.unconstrained},
                                  {"score.reference", score.reference}}) {
    need(key, path, /*there=*/false);
  }
  for (const auto path : split(score.hull, ';')) need("score.hull", std::string(trim(path)), /*there=*/false);
  if (score.stability) check_chgnet_weights();
}

/// What a stage's result depends on: its recipe, files from outside, and the stages it reads from.
std::string stage_fingerprint(const Recipe& recipe, const fs::path& pipeline_dir,
                              const std::map<std::string, std::string>& earlier) {
  std::string text = std::string(kVersion) + "\n" + to_yaml(with_own_sections(without_cadence(recipe))) +
                     describe_inputs(recipe, pipeline_dir);
  const std::string own = text;
  for (const auto& [folder, print] : earlier) {
    if (names_folder(own, folder)) text += folder + " " + print + "\n";
  }
  return fingerprint(text);
}

Json read_json_if_there(const fs::path& file) {
  if (!fs::exists(file)) return nullptr;
  return Json::parse(read_file(file), nullptr, /*allow_exceptions=*/false);
}

std::string recorded_fingerprint(const fs::path& file) {
  const Json entry = read_json_if_there(file);
  return entry.is_object() ? entry.value("fingerprint", "") : "";
}

/// Clears a stage's folder of what an earlier call with another recipe left. Checkpoints and models are
/// put aside as <folder>.before, not deleted; token shards stay, they know themselves whether they fit.
/// Throws UsageError for a folder that no pipeline filled.
void clear_stage(const fs::path& folder, const Log& log) {
  std::error_code ignored;
  bool empty = true, trained = false;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    empty &= name == "shards";
    trained |= name == "checkpoints" || name == "model" || name == "adapter";
  }
  if (empty) return;
  if (!fs::exists(folder / kStartedFile) && !fs::exists(folder / kStageFile)) {
    throw UsageError(fmt::format("{} holds files that no finished or interrupted stage of a pipeline left there",
                                 folder.string()),
                     "choose another folder with --set run.dir=..., or move these files away");
  }
  // First what makes the folder look finished.
  fs::remove(folder / kStageFile, ignored);
  fs::remove(folder / kStartedFile, ignored);
  if (!trained) {
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
      if (entry.path().filename() != "shards") fs::remove_all(entry.path(), ignored);
    }
    return;
  }
  const fs::path before = folder.string() + ".before";
  fs::remove_all(before, ignored);
  fs::rename(folder, before);
  make_folders(folder);
  if (fs::exists(before / "shards")) fs::rename(before / "shards", folder / "shards");
  log.warn("the recipe or an input of this stage changed: it is done again; what it had made is in {}",
           before.string());
}

class PipelineRun {
 public:
  PipelineRun(const fs::path& file, const std::vector<Override>& overrides,
              const CommandContext& context)
      : context_(context), pipeline_(load_pipeline(file, overrides)), dir_(pipeline_.run.dir) {
    // All recipes are read first: a mistake in the last stage is told before the first one runs.
    for (const auto& stage : pipeline_.stages) {
      recipes_.push_back(load_stage(pipeline_, stage, file, overrides));
    }
    for (const Recipe& recipe : recipes_) check_inputs(recipe, dir_);
  }

  void run(bool fresh) {
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < recipes_.size(); ++i) {
      run_one(i, fresh);
      if (i + 1 < recipes_.size()) leave_if_asked(recipes_[i].name);
    }
    if (!context_.group().is_root()) return;
    write_report(dir_, pipeline_.name);
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    context_.log.info("\n{}", summary_table(dir_));
    context_.log.info("report: {}   ({} in all)", (dir_ / "report.html").string(),
                      human_duration(seconds));
  }

 private:
  /// A signal that came when a training stage was past its last step.
  void leave_if_asked(const std::string& stage) const {
    double asked[1] = {StopSignals::received().empty() ? 0.0 : 1.0};
    context_.group().all_reduce_sum(asked, "agreement on leaving between two stages");
    if (asked[0] == 0) return;
    throw Stopped(fmt::format("a signal: left after the stage {}", stage), "the same command goes on from there");
  }

  void run_one(std::size_t i, bool fresh) {
    const Recipe& recipe = recipes_[i];
    const fs::path folder = recipe.run.dir;
    const Group& group = context_.group();
    const std::string print = stage_fingerprint(recipe, dir_, fingerprints_);
    fingerprints_[folder.string()] = print;

    bool finished = false;
    if (group.is_root()) {
      finished = !fresh && recorded_fingerprint(folder / kStageFile) == print;
      if (!finished) {
        const bool same = !fresh && recorded_fingerprint(folder / kStartedFile) == print;
        if (!same) clear_stage(folder, context_.log);
        write_file_atomic(folder / kStartedFile, Json{{"fingerprint", print}}.dump() + "\n");
      }
    }
    group.broadcast(&finished, sizeof finished, /*root=*/0, "state of the stage");
    context_.log.info("\n== {} ({}/{}, {}){}", recipe.name, i + 1, recipes_.size(),
                      to_string(recipe.stage), finished ? ": finished before" : "");
    if (!finished) run_stage(recipe, context_, {.fresh = false, .stage_fingerprint = print});
    if (group.is_root()) record(folder, finished);
  }

  void record(const fs::path& folder, bool finished_before) {
    Json entry = read_json_if_there(folder / kStageFile);
    entry["name"] = folder.filename().string();
    entry["reused"] = finished_before;
    entry.erase("fingerprint");
    stages_.push_back(entry);
    write_file_atomic(dir_ / "summary.json",
                      Json{{"format", "anneal-pipeline"},
                           {"format_version", 1},
                           {"name", pipeline_.name},
                           {"versions", {{"anneal", kVersion}, {"torch", TORCH_VERSION}}},
                           {"ranks", context_.group().size()},
                           {"seed", pipeline_.run.seed},
                           {"status", stages_.size() == recipes_.size() ? "done" : "running"},
                           {"stages", stages_}}
                              .dump(2) + "\n");
  }

  const CommandContext& context_;
  Pipeline pipeline_;
  fs::path dir_;
  std::vector<Recipe> recipes_;
  std::map<std::string, std::string> fingerprints_;
  Json stages_ = Json::array();
};

}  // namespace

void run_pipeline(const fs::path& file, const std::vector<Override>& overrides, bool fresh,
                  const CommandContext& context) {
  PipelineRun(file, overrides, context).run(fresh);
}

}  // namespace anneal
