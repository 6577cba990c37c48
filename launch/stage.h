// One stage of any kind, from its recipe: does the work, writes its summary.json, returns metrics.
#pragma once

#include <filesystem>
#include <string>

#include <nlohmann/json.hpp>

#include "launch/command.h"
#include "recipes/schema.h"

namespace anneal {

/// Written last: a stage folder that holds it is finished.
inline constexpr const char* kStageFile = "stage.json";

struct StageCall {
  bool fresh = false;             ///< ignore what an earlier, interrupted call left
  std::string stage_fingerprint;  ///< kept in stage.json; "" outside a pipeline
};

/// Runs the stage; all ranks call it. Returns the metrics (on rank 0; null elsewhere) after
/// <run.dir>/stage.json {name, kind, status, seconds, metrics, fingerprint} was written.
nlohmann::ordered_json run_stage(const Recipe& recipe, const CommandContext& context,
                                 const StageCall& call);

// The kinds, each in a file of its own.
nlohmann::ordered_json run_corpus_stage(const Recipe& recipe, const CommandContext& context);
nlohmann::ordered_json run_tokenizer_stage(const Recipe& recipe, const CommandContext& context);
nlohmann::ordered_json run_train_stage(const Recipe& recipe, const CommandContext& context, bool fresh);
nlohmann::ordered_json run_generate_stage(const Recipe& recipe, const CommandContext& context);
nlohmann::ordered_json run_score_stage(const Recipe& recipe, const CommandContext& context);
nlohmann::ordered_json run_eval_stage(const Recipe& recipe, const CommandContext& context);

}  // namespace anneal
