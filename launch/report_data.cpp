#include "launch/report_data.h"

#include <algorithm>

#include "base/error.h"
#include "launch/report_stage_files.h"

namespace anneal {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

bool looks_like_a_stage(const fs::path& folder) {
  for (const char* name : {"recipe.yaml", "metrics.jsonl", "generations.jsonl", "verdicts.jsonl"}) {
    if (fs::exists(folder / name)) return true;
  }
  return false;
}

void read_stage_files(StageReport& stage, std::vector<std::string>& notes) {
  read_recipe_text(stage);
  read_metrics(stage, notes);
  read_mixture(stage, notes);
  read_generations(stage, notes);
  read_validity(stage);
  if (stage.kind.empty()) stage.kind = !stage.steps.empty() ? "train" : !stage.generated.empty() ? "generate" : !stage.validity.empty() ? "score" : "";
  if (stage.kind == "train" && stage.steps.empty()) notes.push_back(stage.name + ": no training step was recorded");
  if (stage.kind == "generate" && stage.generated.empty()) notes.push_back(stage.name + ": generations.jsonl is missing or empty");
  if (stage.kind == "score" && stage.validity.empty()) notes.push_back(stage.name + ": no score summary");
}

std::vector<StageReport> stages_of_summary(const fs::path& folder, const json& summary) {
  std::vector<StageReport> stages;
  for (const auto& entry : summary["stages"]) {
    if (!entry.is_object()) continue;
    StageReport stage;
    stage.name = text_in(entry, "name");
    stage.kind = text_in(entry, "kind");
    stage.status = text_in(entry, "status");
    if (stage.status.empty()) stage.status = "unknown";
    stage.seconds = number_in(entry, "seconds");
    stage.metrics = entry.value("metrics", json::object());
    stage.folder = folder / stage.name;
    stages.push_back(stage);
  }
  return stages;
}

/// A run that was interrupted before its summary: folders that hold a stage's files, oldest first.
std::vector<StageReport> stages_of_folders(const fs::path& folder) {
  std::vector<std::pair<fs::file_time_type, fs::path>> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_directory() || !looks_like_a_stage(entry.path())) continue;
    const auto recipe = entry.path() / "recipe.yaml";
    found.emplace_back(fs::last_write_time(fs::exists(recipe) ? recipe : entry.path()), entry.path());
  }
  std::sort(found.begin(), found.end());
  std::vector<StageReport> stages;
  for (const auto& [time, path] : found) {
    StageReport stage;
    stage.name = path.filename().string();
    stage.status = "unknown";
    stage.folder = path;
    stage.metrics = json::parse(text_of(path / "summary.json"), nullptr, false);
    stages.push_back(stage);
  }
  return stages;
}

}  // namespace

RunReport read_run(const fs::path& run_dir) {
  if (!fs::is_directory(run_dir)) {
    throw DataError(fmt::format("there is no run folder '{}'", run_dir.string()), "runs/ holds one folder for each run");
  }
  RunReport run;
  run.folder = run_dir;
  const auto path = run_dir / "summary.json";
  const json summary = json::parse(text_of(path), nullptr, /*allow_exceptions=*/false);
  if (fs::exists(path) && !summary.is_object()) run.notes.push_back("summary.json could not be read");
  if (summary.is_object() && summary.contains("versions")) run.versions = summary["versions"];
  if (summary.is_object() && summary.contains("stages") && summary["stages"].is_array()) {
    run.pipeline = true;
    run.stages = stages_of_summary(run_dir, summary);
  } else if (looks_like_a_stage(run_dir)) {
    StageReport stage;
    stage.name = fs::absolute(run_dir).lexically_normal().filename().string();
    if (stage.name.empty()) stage.name = fs::absolute(run_dir).lexically_normal().parent_path().filename().string();
    stage.status = !summary.is_object() ? "unknown" : summary.contains("status") ? text_in(summary, "status") : "done";
    stage.folder = run_dir;
    if (summary.is_object()) {
      stage.seconds = number_in(summary, "seconds");
      stage.metrics = summary.contains("metrics") ? summary["metrics"] : summary;
    } else {
      run.notes.push_back("summary.json is missing: the run was interrupted, or is still going on");
    }
    run.stages.push_back(stage);
  } else {
    run.pipeline = true;
    run.stages = stages_of_folders(run_dir);
    run.notes.push_back(run.stages.empty() ? "the folder holds no stage" :
                        "summary.json is missing: the pipeline was interrupted; its stages were found by their folders");
  }
  for (auto& stage : run.stages) read_stage_files(stage, run.notes);
  return run;
}

}  // namespace anneal
