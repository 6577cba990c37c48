// What the corpus knows: crystals split into training and held-out ones, band gaps, and the
// quantities that follow from a crystal by arithmetic. Nothing in the corpus is stated that is not
// computed here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/facts.h"
#include "recipes/schema.h"

namespace anneal {

/// Nearest pair of atoms over all periodic images, an atom's own images included.
struct NearestPair {
  double distance_a = 0;
  int first = 0, second = 0;  ///< atomic numbers
};
NearestPair nearest_pair(const Crystal& crystal);

/// A crystal with what is dear to compute.
struct CorpusCrystal : FactCrystal {
  NearestPair nearest;
};

struct CorpusFacts {
  std::vector<CorpusCrystal> train;    ///< of any size
  std::vector<CorpusCrystal> heldout;  ///< no formula of these occurs in `train`
  std::vector<BandGap> gaps;
  std::map<std::string, double, std::less<>> gap_of;  ///< eV by formula
};

/// Whether the crystal's number of sites lies within corpus.min_sites .. max_sites.
bool has_usable_size(const Crystal& crystal, const CorpusOptions& options);

/// Reads the tables (`options.crystals`: "builtin" or a table of crystals) and splits the crystals
/// by formula: all crystals of one formula are on the same side, whatever the order of the table.
/// Throws DataError if there are no crystals, or none of at most `max_sites` sites on a side.
CorpusFacts load_corpus_facts(const CorpusOptions& options, std::uint64_t seed);

/// Amount of each element in a formula such as "Ga0.5Al0.5As" or "Fe2(SO4)3"; empty if it is none.
std::map<int, double> parse_formula(std::string_view formula);

/// One common oxidation state for each element so that the charges balance for these counts; no
/// positive element is more electronegative than a negative one, the most electronegative is
/// negative. Empty if there is no such choice (mixed valence, metals).
std::map<int, int> balanced_states(const Composition& composition);

/// Spacing of the lattice planes (001), Angstrom: the cell's volume over the area of a and b.
double spacing_001_a(const UnitCell& cell);

/// "metal" (0), "narrow-gap semiconductor" (below 0.5 eV), "semiconductor" (below 3), "wide-gap
/// semiconductor" (below 5) or "insulator".
std::string_view gap_class(double gap_ev);

}  // namespace anneal
