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
// 2. Some x unknown ("None"). A pair of opposite signs with a None raises TypeError, which passes,
//    unless an earlier pair fails. A neutral choice has both signs, so each None element has an
//    opposite partner and some pair raises. Let (i, j) be the first one that would. The choice
//    passes iff all pairs before it are of equal sign or in order: all pairs (a, b) with a < i and
//    (i, b) with b < j. Given (i, j) and the sign of i (that of j is opposite):
//    - an a < i is not None (it would have an opposite partner in i or j: an earlier raise), and all
//      None elements share the sign of all a < i (else an earlier raise);
//    - hence all a < i have one sign s: that of the None among i and j;
//    - an element after i whose sign differs from s must be in order with every a < i;
//    - an element between i and j whose sign differs from i's must not be None, nor i, and must be
//      in order with i.
//    Every condition speaks of one element alone: each has a set of allowed signs, and a neutral
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
      if (state * sign > 0) to.add_shifted(from, static_cast<std::size_t>(state * sign) * term.count);
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
  const std::size_t n = terms.size();
  const auto x = [&](std::size_t k) { return terms[k].facts->smact_electronegativity; };
  const auto unknown = [&](std::size_t k) { return std::isnan(x(k)); };
  // cation below anion; false if one is unknown
  const auto in_order = [&](std::size_t k, unsigned sign, std::size_t other) {
    return sign == kCation ? x(k) < x(other) : x(k) > x(other);
  };
  std::vector<unsigned> allowed(n);
  for (std::size_t i = 0; i < n; ++i) {
    bool unknown_before = false;
    for (std::size_t a = 0; a < i; ++a) unknown_before |= unknown(a);
    if (unknown_before) break;
    for (std::size_t j = i + 1; j < n; ++j) {
      if (!unknown(i) && !unknown(j)) continue;
      for (const unsigned sign_i : {kCation, kAnion}) {
        const unsigned sign_j = sign_i ^ (kCation | kAnion);
        if (i > 0 && unknown(i) && unknown(j)) continue;  // they would share a sign
        const unsigned early = unknown(i) ? sign_i : sign_j;  // of all a < i, and of all unknown
        for (std::size_t k = 0; k < n; ++k) {
          if (k < i) {
            allowed[k] = early;
          } else if (k == i) {
            allowed[k] = sign_i;
          } else if (k == j) {
            allowed[k] = sign_j;
          } else {
            allowed[k] = 0;
            for (const unsigned sign : {kCation, kAnion}) {
              bool fits = true;
              if (i > 0 && unknown(k) && sign != early) fits = false;
              for (std::size_t a = 0; a < i && fits && sign != early; ++a) {
                fits = in_order(k, sign, a);
              }
              if (fits && k > i && k < j && sign != sign_i) fits = in_order(k, sign, i);
              if (fits) allowed[k] |= sign;
            }
          }
        }
        // i and j themselves, known or not, must be in order with all a < i of the other sign
        bool fits = true;
        for (const std::size_t k : {i, j}) {
          for (std::size_t a = 0; a < i && fits && allowed[k] != early; ++a) {
            fits = in_order(k, allowed[k], a);
          }
        }
        if (fits && neutral_possible(terms, allowed)) return true;
      }
    }
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
