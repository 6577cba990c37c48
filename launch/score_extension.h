// What `anneal score` does beyond the judge of cif/score.h, each in a file of its own: it adds its
// options to the command line and takes part if they ask for it.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "cif/score_part.h"
#include "launch/command.h"

namespace anneal {

/// The call that an extension takes part in.
struct ScoreCall {
  std::filesystem::path input, out;
  std::filesystem::path reference;  ///< "" if there is none
  int threads = 1;                  ///< of this rank, at least 1
  double cutoff_a = 0.5;            ///< smallest distance that is valid, Angstrom
};

struct ScoreExtension {
  /// Fields and summary keys of its own; null if the options do not ask for it. All ranks call it.
  std::function<std::shared_ptr<ScorePart>(const ScoreCall&, const CommandContext&)> part;
  /// Called on rank 0 when all files are written. May be empty.
  std::function<void(const ScoreCall&, const CommandContext&)> finish;
};

/// All extensions, their options added to `command` in this order: one line each in
/// score_extensions.cpp.
std::vector<ScoreExtension> add_score_extensions(CLI::App& command);

/// report.html at the end of every score, unless --no-report (score_report.h).
ScoreExtension add_report_extension(CLI::App& command);

}  // namespace anneal
