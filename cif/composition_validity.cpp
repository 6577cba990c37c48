// Compositional validity without trying all products of oxidation states.
//
// The reference asks whether a choice of states q_i exists with sum n_i q_i = 0 that passes the
// electronegativity test. That test depends on the signs of the q_i only (no state is 0):
//
// 1. All electronegativities x_i known. A choice passes iff every cation's x < every anion's x, iff
//    there is a border between two different values of x with cations below and anions above it.
//    For each border the cations' charges can be any sum of positive states of the elements below,
//    the anions' any sum of negative states of those above; a neutral choice exists iff the two
//    sets of sums meet. Both are grown element by element as bit sets: a subset-sum.
//
// 2. Some x unknown (None). SMACT 2.2.1 walks over the pairs (0,1), (0,2), .. (1,2), ..: a pair of
//    opposite signs is compared, which raises TypeError (caught: a pass) if one is None; a pair of
//    equal signs with a None fails. So the first pair with a None decides, if no pair before it is
//    out of order. With m the first None element that pair is (0, m), or (0, 1) if m = 0, and the
//    pairs before it are (0, b) with b < m, both known. The choice passes iff the signs of that
//    pair are opposite and each element b between has the sign of element 0 or is in order with it:
//    an independent set of allowed signs per element, everything behind being free. A neutral
//    choice exists iff 0 is among the sums over states of allowed sign: again a subset-sum.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "cif/elements.h"
#include "cif/validity.h"

namespace anneal {
namespace {

/// Set of whole charges 0..size-1 as bits.
class ChargeSet {
 public:
  explicit ChargeSet(std::size_t size) : words_((size + 63) / 64) {}
  void insert(std::size_t charge) { words_[charge / 64] |= std::uint64_t{1} << (charge % 64); }
  bool contains(std::size_t charge) const { return words_[charge / 64] >> (charge % 64) & 1; }
  bool meets(const ChargeSet& other) const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      if (words_[i] & other.words_[i]) return true;
    }
    return false;
  }
  /// Adds all charges of `other` moved up by `shift` (what would pass the end is dropped).
  void add_shifted(const ChargeSet& other, std::size_t shift) {
    const std::size_t skip = shift / 64, bits = shift % 64;
    for (std::size_t i = words_.size(); i-- > skip;) {
      std::uint64_t word = other.words_[i - skip] << bits;
      if (bits != 0 && i > skip) word |= other.words_[i - skip - 1] >> (64 - bits);
      words_[i] |= word;
    }
  }

 private:
  std::vector<std::uint64_t> words_;
};

struct Term {
  const Element* facts;
  int count;
};

enum Signs : unsigned { kCation = 1, kAnion = 2 };

/// Case 1: terms sorted by electronegativity, all known.
bool valid_with_borders(std::vector<Term> terms) {
  std::sort(terms.begin(), terms.end(), [](const Term& one, const Term& other) {
    return one.facts->smact_electronegativity < other.facts->smact_electronegativity;
  });
  const std::size_t n = terms.size();
  // a neutral choice has as much positive as negative charge: the smaller range bounds both
  std::size_t largest = 0;
  for (const auto& term : terms) largest += static_cast<std::size_t>(term.count) * 8;

  const auto grow = [&](const ChargeSet& from, const Term& term, int sign) {
    ChargeSet to(largest + 1);
    for (const int state : term.facts->oxidation_states()) {
      if (state * sign > 0)
        to.add_shifted(from, static_cast<std::size_t>(state * sign) * term.count);
    }
    return to;
  };
  std::vector<ChargeSet> anions(n + 1, ChargeSet(largest + 1));  // [k]: elements k.. all anions
  anions[n].insert(0);
  for (std::size_t k = n; k-- > 0;) anions[k] = grow(anions[k + 1], terms[k], -1);

  ChargeSet cations(largest + 1);  // elements ..k all cations
  cations.insert(0);
  for (std::size_t k = 0; k + 1 < n; ++k) {
    cations = grow(cations, terms[k], +1);
    if (terms[k].facts->smact_electronegativity < terms[k + 1].facts->smact_electronegativity &&
        cations.meets(anions[k + 1])) {
      return true;
    }
  }
  return false;
}

/// Whether states of the allowed signs can add up to no charge.
bool neutral_possible(const std::vector<Term>& terms, const std::vector<unsigned>& allowed) {
  // charges are counted from the lowest sum possible
  std::size_t offset = 0;
  for (const auto& term : terms) offset += static_cast<std::size_t>(term.count) * 8;
  ChargeSet sums(2 * offset + 1);
  sums.insert(0);
  for (std::size_t k = 0; k < terms.size(); ++k) {
    ChargeSet next(2 * offset + 1);
    for (const int state : terms[k].facts->oxidation_states()) {
      if (allowed[k] & (state > 0 ? kCation : kAnion)) {
        next.add_shifted(sums, static_cast<std::size_t>(state + 8) * terms[k].count);
      }
    }
    sums = std::move(next);
  }
  return sums.contains(offset);
}

/// Case 2: terms in order of atomic number, some electronegativity unknown.
bool valid_with_unknowns(const std::vector<Term>& terms) {
  const auto x = [&](std::size_t k) { return terms[k].facts->smact_electronegativity; };
  std::size_t first_unknown = 0;
  while (!std::isnan(x(first_unknown))) ++first_unknown;
  const std::size_t partner = std::max<std::size_t>(first_unknown, 1);

  for (const unsigned sign : {kCation, kAnion}) {
    std::vector<unsigned> allowed(terms.size(), kCation | kAnion);
    const unsigned opposite = sign ^ (kCation | kAnion);
    allowed[0] = sign;
    allowed[partner] = opposite;
    for (std::size_t k = 1; k < partner; ++k) {
      const bool in_order = sign == kCation ? x(0) < x(k) : x(0) > x(k);
      if (!in_order) allowed[k] = sign;
    }
    if (neutral_possible(terms, allowed)) return true;
  }
  return false;
}

}  // namespace

bool composition_valid(const Composition& composition) {
  if (composition.empty()) return false;
  if (composition.size() == 1) return true;
  int divisor = 0;
  bool all_metals = true, all_known = true;
  for (const auto& [z, count] : composition) {
    if (count <= 0) return false;
    divisor = std::gcd(divisor, count);
    all_metals &= element(z).smact_metal;
  }
  if (all_metals) return true;

  std::vector<Term> terms;
  for (const auto& [z, count] : composition) {
    const Element& facts = element(z);
    if (facts.oxidation_states().empty()) return false;  // an empty product has no choices
    all_known &= !std::isnan(facts.smact_electronegativity);
    terms.push_back({&facts, count / divisor});
  }
  return all_known ? valid_with_borders(std::move(terms)) : valid_with_unknowns(terms);
}

}  // namespace anneal
