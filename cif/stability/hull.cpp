#include "cif/stability/hull.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cif/elements.h"

namespace anneal {
namespace {

// Two compositions are the same, and a reduced cost is zero, within these.
constexpr double kFractionTolerance = 1e-8;
constexpr double kCostTolerance = 1e-11;  // eV

std::vector<int> element_set(const Amounts& amounts) {
  std::vector<int> set;
  for (const auto& [z, amount] : amounts) set.push_back(z);
  return set;
}

bool same_fractions(const PhaseEntry& a, const PhaseEntry& b) {
  const double na = a.atoms(), nb = b.atoms();
  for (std::size_t i = 0; i < a.amounts.size(); ++i) {
    if (std::abs(a.amounts[i].second / na - b.amounts[i].second / nb) > kFractionTolerance) {
      return false;
    }
  }
  return true;
}

/// Columns of a linear programme: minimise cost x with columns x = target, x >= 0. The first `m`
/// columns are the unit vectors. `m` rows; column k's entries are at a[k * m].
class Simplex {
 public:
  Simplex(int m, std::vector<double> columns, std::vector<double> costs, std::vector<double> target)
      : m_(m), a_(std::move(columns)), cost_(std::move(costs)), x_(std::move(target)),
        inverse_(static_cast<std::size_t>(m) * m), basis_(m) {
    for (int i = 0; i < m_; ++i) {
      basis_[i] = i;
      inverse_[i * m_ + i] = 1;
    }
  }

  void solve() {
    const int n = static_cast<int>(cost_.size());
    std::vector<double> price(m_), direction(m_);
    // Largest gain first; where steps of length zero go on for long, the lowest index (Bland 1977),
    // which cannot cycle.
    int idle = 0;
    for (int round = 0; round < 1000 + 50 * n; ++round) {
      for (int j = 0; j < m_; ++j) {
        price[j] = 0;
        for (int i = 0; i < m_; ++i) price[j] += cost_[basis_[i]] * inverse_[i * m_ + j];
      }
      const bool bland = idle > 2 * m_;
      int entering = -1;
      double best = -kCostTolerance;
      for (int k = 0; k < n; ++k) {
        double reduced = cost_[k];
        for (int j = 0; j < m_; ++j) reduced -= price[j] * a_[k * m_ + j];
        if (reduced < best) {
          entering = k;
          if (bland) break;
          best = reduced;
        }
      }
      if (entering < 0) return;
      int leaving = -1;
      double step = std::numeric_limits<double>::infinity();
      for (int i = 0; i < m_; ++i) {
        direction[i] = 0;
        for (int j = 0; j < m_; ++j) direction[i] += inverse_[i * m_ + j] * a_[entering * m_ + j];
        if (direction[i] <= 1e-10) continue;
        const double ratio = x_[i] / direction[i];
        if (ratio < step || (ratio == step && basis_[i] < basis_[leaving])) {
          step = ratio;
          leaving = i;
        }
      }
      if (leaving < 0) return;  // unbounded: cannot be, the fractions sum to one
      idle = step > 1e-12 ? 0 : idle + 1;
      const double pivot = direction[leaving];
      for (int j = 0; j < m_; ++j) inverse_[leaving * m_ + j] /= pivot;
      for (int i = 0; i < m_; ++i) {
        if (i == leaving) continue;
        x_[i] = std::max(0.0, x_[i] - step * direction[i]);
        for (int j = 0; j < m_; ++j) {
          inverse_[i * m_ + j] -= direction[i] * inverse_[leaving * m_ + j];
        }
      }
      x_[leaving] = step;
      basis_[leaving] = entering;
    }
  }

  int column(int i) const { return basis_[i]; }
  double amount(int i) const { return x_[i]; }

 private:
  int m_;
  std::vector<double> a_, cost_, x_, inverse_;
  std::vector<int> basis_;
};

}  // namespace

ConvexHull::ConvexHull(std::vector<PhaseEntry> entries) {
  // order does not depend on the file's
  std::stable_sort(entries.begin(), entries.end(), [](const PhaseEntry& a, const PhaseEntry& b) {
    const double ea = a.energy_per_atom(), eb = b.energy_per_atom();
    return ea != eb ? ea < eb : a.id < b.id;
  });
  for (auto& entry : entries) {
    auto& alike = by_elements_[element_set(entry.amounts)];
    const bool known = std::any_of(alike.begin(), alike.end(), [&](std::size_t i) {
      return same_fractions(entries_[i], entry);
    });
    if (known) continue;
    if (entry.amounts.size() == 1) references_[entry.amounts[0].first] = entries_.size();
    alike.push_back(entries_.size());
    entries_.push_back(std::move(entry));
  }
}

std::string ConvexHull::missing_elements(const Amounts& amounts) const {
  std::string missing;
  for (const auto& [z, amount] : amounts) {
    if (references_.count(z)) continue;
    if (!missing.empty()) missing += ", ";
    missing += symbol(z);
  }
  return missing;
}

std::optional<Decomposition> ConvexHull::decompose(const Amounts& amounts) const {
  if (amounts.empty() || !missing_elements(amounts).empty()) return std::nullopt;
  const auto elements = element_set(amounts);
  const int m = static_cast<int>(elements.size());
  double atoms = 0;
  for (const auto& [z, amount] : amounts) atoms += amount;

  std::vector<std::size_t> candidates;
  for (int z : elements) candidates.push_back(references_.at(z));
  const auto add = [&](const std::vector<std::size_t>& alike) {
    for (std::size_t i : alike) {
      if (entries_[i].amounts.size() > 1) candidates.push_back(i);
    }
  };
  if (m <= 12) {
    std::vector<int> subset;
    for (unsigned mask = 1; mask < (1u << m); ++mask) {
      subset.clear();
      for (int i = 0; i < m; ++i) {
        if (mask >> i & 1) subset.push_back(elements[i]);
      }
      if (const auto found = by_elements_.find(subset); found != by_elements_.end()) {
        add(found->second);
      }
    }
  } else {
    for (const auto& [set, alike] : by_elements_) {
      if (std::includes(elements.begin(), elements.end(), set.begin(), set.end())) add(alike);
    }
  }

  std::vector<double> columns(candidates.size() * m), costs, target;
  for (std::size_t k = 0; k < candidates.size(); ++k) {
    const auto& entry = entries_[candidates[k]];
    const double entry_atoms = entry.atoms();
    for (const auto& [z, amount] : entry.amounts) {
      const auto row = std::lower_bound(elements.begin(), elements.end(), z) - elements.begin();
      columns[k * m + row] = amount / entry_atoms;
    }
    costs.push_back(entry.energy_per_atom());
  }
  for (const auto& [z, amount] : amounts) target.push_back(amount / atoms);
  Simplex simplex(m, std::move(columns), std::move(costs), std::move(target));
  simplex.solve();

  Decomposition result;
  for (int i = 0; i < m; ++i) {
    const double fraction = simplex.amount(i);
    const auto& entry = entries_[candidates[simplex.column(i)]];
    result.energy_per_atom += fraction * entry.energy_per_atom();
    if (fraction > kFractionTolerance) result.parts.push_back({&entry, fraction});
  }
  std::sort(result.parts.begin(), result.parts.end(), [](const auto& a, const auto& b) {
    return a.fraction != b.fraction ? a.fraction > b.fraction : a.entry->id < b.entry->id;
  });
  return result;
}

std::optional<double> ConvexHull::energy_above_hull(const Amounts& amounts,
                                                    double energy_per_atom) const {
  const auto mixture = decompose(amounts);
  if (!mixture) return std::nullopt;
  return energy_per_atom - mixture->energy_per_atom;
}

std::optional<double> ConvexHull::formation_energy(const Amounts& amounts,
                                                   double energy_per_atom) const {
  if (amounts.empty() || !missing_elements(amounts).empty()) return std::nullopt;
  double atoms = 0, references = 0;
  for (const auto& [z, amount] : amounts) {
    atoms += amount;
    references += amount * entries_[references_.at(z)].energy_per_atom();
  }
  return energy_per_atom - references / atoms;
}

}  // namespace anneal
