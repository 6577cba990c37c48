// Chemical formulas as text, and amounts of elements that need not be whole numbers.
#pragma once

#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "cif/crystal.h"

namespace anneal {

/// Amounts by atomic number, ascending; all positive, not necessarily whole.
using Amounts = std::vector<std::pair<int, double>>;

/// The most atoms of an element that a formula may name.
inline constexpr double kMaxAmount = 1e6;

Amounts to_amounts(const Composition& composition);
/// Elements with an amount of zero are left out.
Amounts to_amounts(const std::map<int, double>& amounts);

/// Reads "LiFePO4", "Fe2(SO4)3", "Li0.5CoO2"; nothing if it is no formula.
std::optional<Amounts> read_formula(std::string_view text);

}  // namespace anneal
