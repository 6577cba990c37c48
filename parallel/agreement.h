// All ranks come to know what went wrong on one of them.
#pragma once

#include <string>

#include "parallel/group.h"

namespace anneal {

/// "" on every rank if `own` is "" on all; else the text of the lowest rank that has one, on every
/// rank.
std::string agreed_fault(const Group& group, const std::string& own, const std::string& label);

}  // namespace anneal
