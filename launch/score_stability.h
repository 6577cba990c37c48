// Stability as a part of a score: energies by CHGNet, relaxation, energy over a convex hull.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cif/score_part.h"
#include "cif/stability/judge_stability.h"
#include "launch/command.h"

namespace anneal {

struct StabilityRequest {
  bool on = false;
  std::vector<std::string> hull;  ///< files of known phases: entries, or crystals
  StabilityOptions options;
};

/// The part, or null if it is not asked for. All ranks call it: each evaluates its share of the
/// hull's crystals, on `threads` threads. Throws DataError if the network's weights are missing or a
/// file of the hull cannot be read.
std::shared_ptr<ScorePart> make_stability_part(const StabilityRequest& request, int threads,
                                               const CommandContext& context);

}  // namespace anneal
