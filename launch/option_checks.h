// Bounds of numbers on the command line, with messages that name the bound (CLI11's own checks
// print the largest double in full).
#pragma once

#include <CLI/CLI.hpp>

namespace anneal {

/// Accepts numbers not below `least`.
CLI::Validator at_least(double least);

}  // namespace anneal
