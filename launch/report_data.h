// What the report reads: the files of a run folder as plain values. Nothing here throws for a file
// that is missing or damaged; it is noted in `notes` instead.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace anneal {

/// One training step of metrics.jsonl.
struct StepPoint {
  std::int64_t step = 0;
  double tokens = 0, loss = 0, lr = 0, tokens_per_second = 0;
};

/// One validation line of metrics.jsonl.
struct HeldoutPoint {
  std::int64_t step = 0;
  double tokens = 0;  ///< training tokens seen by then
  double loss = 0;
};

/// Share of one source in the shards of a stage.
struct SourceShare {
  std::string name;
  double wanted = 0, written = 0;
  double tokens = 0;
};

/// Counts of one scored set of crystals.
struct Validity {
  std::string name;  ///< e.g. "trained model"
  double total = 0, parsed = 0, struct_valid = 0, comp_valid = 0, valid = 0;
  std::map<std::string, double> reasons;  ///< rejections by name
};

struct GeneratedText {
  std::int64_t index = 0;
  std::string text;
  bool finished = true;
};

using Verdicts = std::map<std::int64_t, nlohmann::json>;  ///< by index

struct StageReport {
  std::string name, kind, status;  ///< status as in summary.json, or "unknown"
  std::filesystem::path folder;
  std::optional<double> seconds;
  nlohmann::json metrics;                                   ///< as in summary.json, an object
  std::vector<StepPoint> steps;                             ///< ascending
  std::map<std::string, std::vector<HeldoutPoint>> heldout;  ///< by split
  std::vector<SourceShare> sources;
  std::vector<Validity> validity;       ///< score stages: the model first, then what it is compared with
  std::vector<GeneratedText> generated;  ///< the first few hundred
  Verdicts verdicts;                     ///< on what `generated` holds
  std::map<std::string, std::string> judged_in;  ///< score stages: stage or file judged -> sub-folder of its verdicts
  std::map<std::string, Verdicts> judged;        ///< score stages: stage or file judged -> verdicts
  std::string recipe;                   ///< text of recipe.yaml
};

struct RunReport {
  std::filesystem::path folder;
  bool pipeline = false;
  std::vector<StageReport> stages;
  nlohmann::json versions;         ///< object, or null if none were recorded
  std::vector<std::string> notes;  ///< what is missing or could not be read
};

/// Reads everything. Throws DataError only if `run_dir` is no folder.
RunReport read_run(const std::filesystem::path& run_dir);

/// The text of a file, "" if it is not there.
std::string text_of(const std::filesystem::path& path);

/// A finite number of the object, or nothing.
std::optional<double> number_in(const nlohmann::json& object, const std::string& key);

/// A text of the object, or "".
std::string text_in(const nlohmann::json& object, const std::string& key);

}  // namespace anneal
