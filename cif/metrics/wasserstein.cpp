#include "cif/metrics/wasserstein.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace anneal {

double wasserstein_distance(std::vector<double> one, std::vector<double> other) {
  if (one.empty() || other.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(one.begin(), one.end());
  std::sort(other.begin(), other.end());
  const double n = static_cast<double>(one.size()), m = static_cast<double>(other.size());
  std::size_t i = 0, j = 0;
  double area = 0, at = std::min(one[0], other[0]);
  while (i < one.size() || j < other.size()) {
    const bool first = j == other.size() || (i < one.size() && one[i] <= other[j]);
    const double next = first ? one[i] : other[j];
    area += std::abs(static_cast<double>(i) / n - static_cast<double>(j) / m) * (next - at);
    at = next;
    ++(first ? i : j);
  }
  return area;
}

}  // namespace anneal
