#include "launch/report_stage_files.h"

#include <cmath>
#include <fstream>
#include <functional>

#include <fmt/core.h>

#include "base/text.h"
#include "recipes/recipe.h"

namespace anneal {
namespace {

using nlohmann::json;

constexpr int kLinesRead = 400;  // generations that the page may choose from

/// Calls `use` for the objects of a JSONL file until it says false; counts what cannot be read.
void for_each_object(const StageReport& stage, const std::string& name, std::vector<std::string>& notes,
                     const std::function<bool(const json&)>& use) {
  std::ifstream file(stage.folder / name);
  int damaged = 0;
  for (std::string line; std::getline(file, line);) {
    if (trim(line).empty()) continue;
    const json object = json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!object.is_object()) {
      ++damaged;
    } else if (!use(object)) {
      break;
    }
  }
  if (damaged) {
    notes.push_back(fmt::format("{}: {} {} of {} could not be read and {} left out", stage.name, damaged,
                                damaged == 1 ? "line" : "lines", name, damaged == 1 ? "was" : "were"));
  }
}

}  // namespace

std::string text_in(const json& object, const std::string& key) {
  if (!object.is_object()) return "";
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::optional<double> number_in(const json& object, const std::string& key) {
  if (!object.is_object()) return std::nullopt;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number() || !std::isfinite(found->get<double>())) return std::nullopt;
  return found->get<double>();
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void read_metrics(StageReport& stage, std::vector<std::string>& notes) {
  std::map<std::int64_t, StepPoint> steps;
  std::map<std::string, std::map<std::int64_t, double>> heldout;
  int not_finite = 0;
  for_each_object(stage, "metrics.jsonl", notes, [&](const json& line) {
    const auto step = number_in(line, "step"), loss = number_in(line, "loss");
    if (step && !loss && line.contains("loss")) ++not_finite;
    if (!step || !loss) return true;
    const auto at = static_cast<std::int64_t>(*step);
    if (line.contains("split")) {
      heldout[text_in(line, "split")][at] = *loss;
    } else {
      steps[at] = {at, number_in(line, "tokens").value_or(0), *loss, number_in(line, "lr").value_or(0),
                   number_in(line, "tokens_per_second").value_or(0)};
    }
    return true;
  });
  if (not_finite) notes.push_back(fmt::format("{}: {} losses are not finite", stage.name, not_finite));
  for (const auto& [step, point] : steps) stage.steps.push_back(point);
  for (const auto& [split, points] : heldout) {
    for (const auto& [step, loss] : points) {
      const auto after = steps.upper_bound(step);
      const double tokens = after == steps.begin() ? 0 : std::prev(after)->second.tokens;
      stage.heldout[split].push_back({step, tokens, loss});
    }
  }
}

void read_mixture(StageReport& stage, std::vector<std::string>& notes) {
  const auto path = stage.folder / "shards" / "manifest.json";
  if (!std::filesystem::exists(path)) return;
  const json manifest = json::parse(text_of(path), nullptr, false);
  if (!manifest.is_object() || !manifest.contains("sources") || !manifest["sources"].is_array()) {
    notes.push_back(stage.name + ": shards/manifest.json could not be read");
    return;
  }
  for (const auto& source : manifest["sources"]) {
    if (!source.is_object()) continue;
    stage.sources.push_back({text_in(source, "name"), number_in(source, "share_wanted").value_or(0),
                             number_in(source, "share_written").value_or(0),
                             number_in(source, "tokens_written").value_or(0)});
  }
}

void read_generations(StageReport& stage, std::vector<std::string>& notes) {
  for_each_object(stage, "generations.jsonl", notes, [&](const json& line) {
    const auto count = static_cast<std::int64_t>(stage.generated.size());
    const auto finished = line.find("finished");
    stage.generated.push_back({static_cast<std::int64_t>(number_in(line, "index").value_or(static_cast<double>(count))),
                               text_in(line, "text"),
                               finished == line.end() || !finished->is_boolean() || finished->get<bool>()});
    return count + 1 < kLinesRead;
  });
  const auto read_verdicts = [&](const std::filesystem::path& folder, Verdicts& verdicts) {
    for_each_object(stage, (folder / "verdicts.jsonl").string(), notes, [&](const json& line) {
      if (const auto index = number_in(line, "index")) verdicts[static_cast<std::int64_t>(*index)] = line;
      return verdicts.size() < kLinesRead;
    });
  };
  read_verdicts("", stage.verdicts);
  for (const auto& [name, folder] : stage.judged_in) read_verdicts(folder, stage.judged[name]);
}

void read_validity(StageReport& stage) {
  const auto add = [&stage](const json& counts, const std::string& name) {
    const auto total = number_in(counts, "total");
    if (!total || !number_in(counts, "struct_valid") || !number_in(counts, "comp_valid")) return;
    Validity v{name, *total, number_in(counts, "parsed").value_or(0), *number_in(counts, "struct_valid"),
               *number_in(counts, "comp_valid"), number_in(counts, "valid").value_or(0), {}};
    const auto reasons = counts.find("reasons");
    if (reasons != counts.end() && reasons->is_object()) {
      for (const auto& [reason, count] : reasons->items()) {
        if (count.is_number()) v.reasons[reason] = count.get<double>();
      }
    }
    stage.validity.push_back(v);
  };
  const json& m = stage.metrics;
  add(m, "trained model");
  for (const auto& [key, name] : {std::pair{"unconstrained", "without the grammar"},
                                  std::pair{"baseline", "untrained model"}, std::pair{"reference", "real crystals"}}) {
    if (m.is_object() && m.contains(key)) add(m[key], name);
  }
}

void read_recipe_text(StageReport& stage) {
  const auto path = stage.folder / "recipe.yaml";
  stage.recipe = text_of(path);
  if (stage.recipe.empty()) return;
  try {
    const Recipe recipe = load_recipe(path);
    if (stage.kind.empty()) stage.kind = to_string(recipe.stage);
    for (const auto& [path, folder] : {std::pair<std::filesystem::path, const char*>{recipe.score.reference, "reference"},
                                       {recipe.score.baseline, "baseline"},
                                       {recipe.score.unconstrained, "unconstrained"},
                                       {recipe.score.input, ""}}) {
      if (path.empty()) continue;
      // stage:NAME/generations.jsonl means the stage; a folder or a table stands for itself
      stage.judged_in[(path.has_extension() ? path.parent_path() : path).filename().string()] = folder;
    }
  } catch (const std::exception&) {
    // a recipe of another version is still shown as text
  }
}

}  // namespace anneal
