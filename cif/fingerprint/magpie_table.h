// Element properties behind the Magpie composition vector (magpie.h), written by
// make_magpie_table.py.
#pragma once

namespace anneal {

inline constexpr int kMagpieElements = 118;
inline constexpr int kMagpieProperties = 22;

/// [Z - 1][property], NaN where there is no value; the properties in the order of matminer's preset.
extern const double kMagpieTable[kMagpieElements][kMagpieProperties];

}  // namespace anneal
