#include "cif/fingerprint/magpie.h"

#include <algorithm>
#include <cmath>

#include "cif/elements.h"  // for the check of the atomic number
#include "cif/fingerprint/composition_scaler.h"
#include "cif/fingerprint/magpie_table.h"

namespace anneal {
namespace {

using PropertyTable = std::array<std::array<double, kMagpieProperties>, kMagpieElements>;

/// The table with each missing value replaced by the mean of the property over the others.
PropertyTable imputed_table() {
  PropertyTable table;
  for (int p = 0; p < kMagpieProperties; ++p) {
    double sum = 0;
    int known = 0;
    for (const auto& row : kMagpieTable) {
      if (std::isnan(row[p])) continue;
      sum += row[p];
      ++known;
    }
    for (int z = 0; z < kMagpieElements; ++z) {
      const double value = kMagpieTable[z][p];
      table[z][p] = std::isnan(value) ? sum / known : value;
    }
  }
  return table;
}

}  // namespace

std::array<double, kMagpieSize> magpie_vector(const Composition& composition) {
  static const PropertyTable table = imputed_table();
  std::array<double, kMagpieSize> vector{};
  if (composition.empty()) return vector;
  double total = 0;
  int most = 0;
  for (const auto& [z, count] : composition) {
    element(z);
    total += count;
    most = std::max(most, count);
  }
  for (int p = 0; p < kMagpieProperties; ++p) {
    double low = HUGE_VAL, high = -HUGE_VAL, mode = HUGE_VAL, sum = 0;
    for (const auto& [z, count] : composition) {
      const double value = table[z - 1][p];
      low = std::min(low, value);
      high = std::max(high, value);
      sum += value * count;
      // the reference compares counts with numpy.isclose: a relative 1e-5
      if (most - count <= 1e-8 + 1e-5 * most) mode = std::min(mode, value);
    }
    const double mean = sum / total;
    double deviation = 0;
    for (const auto& [z, count] : composition) {
      deviation += std::abs(table[z - 1][p] - mean) * count;
    }
    double* out = &vector[6 * p];
    out[0] = low;
    out[1] = high;
    out[2] = high - low;
    out[3] = mean;
    out[4] = deviation / total;
    out[5] = mode;
  }
  return vector;
}

std::array<double, kMagpieSize> standardized(const std::array<double, kMagpieSize>& magpie) {
  std::array<double, kMagpieSize> result;
  for (int k = 0; k < kMagpieSize; ++k) {
    result[k] = (magpie[k] - kCompositionMeans[k]) / kCompositionDeviations[k];
  }
  return result;
}

}  // namespace anneal
