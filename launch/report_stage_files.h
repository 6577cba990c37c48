// Reading the files of one stage into a StageReport.
#pragma once

#include <string>
#include <vector>

#include "launch/report_data.h"

namespace anneal {

/// metrics.jsonl: steps (the last line of a step counts, since a resumed run repeats some) and
/// held-out losses.
void read_metrics(StageReport& stage, std::vector<std::string>& notes);
/// shards/manifest.json: the mixture.
void read_mixture(StageReport& stage, std::vector<std::string>& notes);
/// generations.jsonl and verdicts.jsonl, the first few hundred lines.
void read_generations(StageReport& stage, std::vector<std::string>& notes);
/// The score summary in `stage.metrics`, with `baseline`, `unconstrained` and `reference`.
void read_validity(StageReport& stage);
/// recipe.yaml: its text, and what a score stage judged.
void read_recipe_text(StageReport& stage);

}  // namespace anneal
