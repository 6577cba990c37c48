// The Magpie composition vector (Ward et al., npj Comput. Mater. 2, 16028, 2016) as matminer 0.10.1
// computes it: ElementProperty.from_preset("magpie"), 22 element properties x 6 statistics.
#pragma once

#include <array>

#include "cif/crystal.h"

namespace anneal {

inline constexpr int kMagpieSize = 132;

/// Six statistics of each of 22 element properties, property by property: minimum, maximum, range,
/// mean (weighted by the counts), mean absolute deviation from it, mode (the property of the most
/// frequent element; the least value where several are). An element without a value has the mean
/// over the elements that have one: matminer's default `impute_nan=True`; its versions before 0.9.1
/// gave NaN. The counts need not be reduced. All zero for no atoms. Throws std::out_of_range for an
/// atomic number outside 1..118.
std::array<double, kMagpieSize> magpie_vector(const Composition& composition);

/// The vector minus the means, over the standard deviations, that CDVAE takes from the training set
/// of MP-20 (`CompScalerMeans`, `CompScalerStds`); distances between compositions are measured so.
std::array<double, kMagpieSize> standardized(const std::array<double, kMagpieSize>& magpie);

}  // namespace anneal
