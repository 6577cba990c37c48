// anneal score --stability: energies by CHGNet, relaxation, energy over a convex hull.
#pragma once

#include "launch/score_extension.h"

namespace anneal {

/// Adds the options of group "Stability". Throws DataError when called if the weights are missing.
ScoreExtension add_stability(CLI::App& command);

}  // namespace anneal
