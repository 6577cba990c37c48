// The distance between two distributions on a line.
#pragma once

#include <vector>

namespace anneal {

/// First Wasserstein distance of two samples, as scipy.stats.wasserstein_distance: the area between
/// their cumulative distributions. NaN if one is empty.
double wasserstein_distance(std::vector<double> one, std::vector<double> other);

}  // namespace anneal
