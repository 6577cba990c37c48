// Stability as a part of a score: energies by CHGNet, relaxation, energy over a convex hull.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cif/score_part.h"
#include "cif/stability/hull_sources.h"
#include "cif/stability/judge_stability.h"
#include "launch/command.h"

namespace anneal {

struct StabilityRequest {
  bool on = false;
  std::vector<std::string> hull;  ///< files of known phases: entries, or crystals
  StabilityOptions options;
  std::shared_ptr<const HullSources> known;  ///< if there, the hull: `hull` is not read again
};

/// Throws DataError with the remedy if the network's weights are not where they are looked for.
void check_chgnet_weights();

/// The hull of several scores, made once: see make_stability_part.
std::shared_ptr<const HullSources> read_hull(const StabilityRequest& request, int threads,
                                             const CommandContext& context);

/// The part, or null if it is not asked for. All ranks call it: each evaluates its share of the
/// hull's crystals, on `threads` threads. Throws DataError if the network's weights are missing or a
/// file of the hull cannot be read.
std::shared_ptr<ScorePart> make_stability_part(const StabilityRequest& request, int threads,
                                               const CommandContext& context);

}  // namespace anneal
