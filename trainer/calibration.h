// Some seconds of this recipe's own work on this machine, with models of one and three blocks, from which
// the time of a step of the whole model follows.
#pragma once

#include "base/log.h"
#include "parallel/group.h"
#include "recipes/schema.h"
#include "trainer/run_plan.h"

namespace anneal {

/// All ranks of `group` call it, as many as will train (sharing the machine as they will then). Takes
/// `budget_s` seconds, or three rounds if that is longer.
Calibration calibrate(const ModelShape& shape, const Recipe& recipe, const Group& group, int ranks_on_node,
                      double budget_s);

std::string to_json(const Calibration& calibration);
Calibration calibration_from_json(const std::string& text);

}  // namespace anneal
