// libFuzzer target: any bytes as a file of hull entries (the first byte says whether CSV or JSON),
// and the hull that is made of them.
#include <cmath>

#include "base/error.h"
#include "cif/stability/hull.h"
#include "tests/fuzz/check.h"

using namespace anneal;
using anneal::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::InputFile csv(".csv"), json(".json");
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  (void)read_formula(text);
  PhaseEntries read;
  try {
    read = read_phase_entries((data[0] % 2 == 0 ? csv : json).write(text));
  } catch (const DataError&) {
    return 0;
  }
  for (const auto& entry : read.entries) {
    require(!entry.amounts.empty(), "an entry has atoms");
    require(std::isfinite(entry.energy_ev), "an entry's energy is finite");
    for (const auto& [z, amount] : entry.amounts)
      require(z >= 1 && amount > 0, "amounts are positive");
  }
  const std::vector<PhaseEntry> entries = read.entries;
  const ConvexHull hull(std::move(read.entries));
  for (std::size_t i = 0; i < std::min<std::size_t>(entries.size(), 20); ++i) {
    const auto& entry = entries[i];
    const auto mixture = hull.decompose(entry.amounts);
    require(mixture.has_value() == hull.missing_elements(entry.amounts).empty(),
            "a hull where all elements are known");
    if (!mixture) continue;
    double sum = 0;
    for (const auto& part : mixture->parts) sum += part.fraction;
    require(std::abs(sum - 1) < 1e-6, fmt::format("fractions sum to 1, not {}", sum));
    const double above = *hull.energy_above_hull(entry.amounts, entry.energy_per_atom());
    require(above > -1e-6 * std::max(1.0, std::abs(entry.energy_per_atom())),
            fmt::format("nothing known lies below the hull ({} eV/atom)", above));
  }
  return 0;
}
