// Linear assignment: which column each row takes so that the costs add up to the least.
#pragma once

#include <span>
#include <vector>

namespace anneal {

/// Row-major n x n `costs`, finite. Columns by row. Shortest augmenting paths with potentials
/// (Jonker and Volgenant 1987), O(n^3).
std::vector<int> linear_assignment(std::span<const double> costs, int n);

}  // namespace anneal
