// A pipeline: its stages in order; finished ones are skipped, an interrupted one resumes, one whose
// recipe or inputs changed is done again, and so is what builds on it.
#pragma once

#include <filesystem>
#include <vector>

#include "launch/command.h"

namespace anneal {

/// Runs all stages; writes <run.dir>/summary.json after each and report.html at the end. Prints the
/// table. All ranks call it.
void run_pipeline(const std::filesystem::path& file, const std::vector<Override>& overrides, bool fresh,
                  const CommandContext& context);

}  // namespace anneal
