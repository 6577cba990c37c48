#include "cif/match/reduced_crystal.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <string_view>

#include "cif/elements.h"

namespace anneal {
namespace {

/// Distance to the nearest whole number.
double off_lattice(double x) { return std::abs(x - std::nearbyint(x)); }

/// As numpy.allclose: equal to 1e-5 relative.
bool all_close(const CellMatrix& p, const CellMatrix& q) {
  for (int i = 0; i < 3; ++i) {
    for (int k = 0; k < 3; ++k) {
      if (!(std::abs(p[i][k] - q[i][k]) <= 1e-8 + 1e-5 * std::abs(q[i][k]))) return false;
    }
  }
  return true;
}

/// Sites of one element.
struct Group {
  int species;
  std::vector<Vector3> positions;
};

/// In alphabetical order of the symbols.
std::vector<Group> groups_of(const ReducedCrystal& crystal) {
  std::vector<Group> groups;
  for (std::size_t i = 0; i < crystal.size(); ++i) {
    const int z = crystal.species[i];
    auto at = std::find_if(groups.begin(), groups.end(),
                           [z](const Group& group) { return group.species == z; });
    if (at == groups.end()) at = groups.insert(at, {z, {}});
    at->positions.push_back(crystal.positions[i]);
  }
  std::sort(groups.begin(), groups.end(), [](const Group& one, const Group& other) {
    return symbol(one.species) < symbol(other.species);
  });
  return groups;
}

std::vector<int> divisors(int n) {
  std::vector<int> result;
  for (int d = 1; d <= n; ++d) {
    if (n % d == 0) result.push_back(d);
  }
  return result;
}

/// Looks for a lattice of translations that contains the crystal's as a sublattice.
class CellSearch {
 public:
  CellSearch(const ReducedCrystal& crystal, double tolerance_a)
      : crystal_(crystal), tolerance_a_(tolerance_a), groups_(groups_of(crystal)) {
    for (int k = 0; k < 3; ++k) tolerance_[k] = tolerance_a / length(crystal.lattice[k]);
  }

  /// The first one in the reference's order: the index of the sublattice ascending, then the
  /// Hermite normal forms [[a b c] [0 e f] [0 0 g]] by a, e and b, c, f.
  std::optional<ReducedCrystal> first() {
    int units = 0;
    for (const auto& group : groups_) {
      units = std::gcd(units, static_cast<int>(group.positions.size()));
    }
    if (units <= 1) return std::nullopt;
    find_translations();
    std::vector<int> good_f;
    for (const int index : divisors(units)) {
      if (index == 1) continue;
      for (const int a : divisors(index)) {
        for (const int e : divisors(index / a)) {
          const int g = index / a / e;
          if (!is_translation({0, 0, 1.0 / g})) continue;
          good_f.clear();
          for (int f = 0; f < e; ++f) {
            if (is_translation({0, 1.0 / e, -double(f) / e / g})) good_f.push_back(f);
          }
          if (good_f.empty()) continue;
          for (int b = 0; b < a; ++b) {
            for (int c = 0; c < a; ++c) {
              for (const int f : good_f) {
                const double last = (double(b) * f - double(c) * e) / (double(a) * e * g);
                if (!is_translation({1.0 / a, -double(b) / a / e, last})) continue;
                const CellMatrix form = {{{double(a), double(b), double(c)},
                                          {0, double(e), double(f)},
                                          {0, 0, double(g)}}};
                if (auto found = folded(form, index)) return found;
              }
            }
          }
        }
      }
    }
    return std::nullopt;
  }

 private:
  /// Differences of the rarest element's sites that take every site near to an equal one, with
  /// double tolerance since both ends are approximate.
  void find_translations() {
    std::vector<const Group*> by_size;
    for (const auto& group : groups_) by_size.push_back(&group);
    std::stable_sort(by_size.begin(), by_size.end(), [](const Group* one, const Group* other) {
      return one->positions.size() < other->positions.size();
    });
    for (const Vector3& p : by_size[0]->positions) {
      const Vector3& origin = by_size[0]->positions[0];
      translations_.push_back({p[0] - origin[0], p[1] - origin[1], p[2] - origin[2]});
    }
    for (const Group* group : by_size) {
      for (const Vector3& from : group->positions) {
        if (translations_.size() <= 1) return;  // the identity stays in any case
        std::erase_if(translations_, [&](const Vector3& v) {
          const Vector3 to = {from[0] + v[0], from[1] + v[1], from[2] + v[2]};
          return std::none_of(group->positions.begin(), group->positions.end(),
                              [&](const Vector3& other) { return near(to, other, 2); });
        });
      }
    }
  }

  bool near(const Vector3& p, const Vector3& q, double factor) const {
    for (int k = 0; k < 3; ++k) {
      if (!(off_lattice(p[k] - q[k]) < factor * tolerance_[k])) return false;
    }
    return true;
  }

  bool is_translation(const Vector3& v) const {
    return std::any_of(translations_.begin(), translations_.end(),
                       [&](const Vector3& known) { return near(v, known, 1); });
  }

  /// The crystal in the cell form^-1 lattice, if every site has `index` - 1 others that fall on it
  /// and these sets are consistent; positions are averaged over them.
  std::optional<ReducedCrystal> folded(const CellMatrix& form, int index) const {
    ReducedCrystal result;
    result.lattice = times(inverse(form), crystal_.lattice);
    Vector3 tolerance;
    for (int k = 0; k < 3; ++k) tolerance[k] = tolerance_a_ / length(result.lattice[k]);
    for (const auto& group : groups_) {
      const std::size_t n = group.positions.size();
      std::vector<Vector3> folded_positions;
      for (const Vector3& p : group.positions) folded_positions.push_back(times(p, form));
      const auto together = [&](std::size_t i, std::size_t j) {
        if (i == j) return true;
        bool apart = false;  // neighbours in the large cell must not fall together
        for (int k = 0; k < 3; ++k) {
          const double d = folded_positions[j][k] - folded_positions[i][k];
          if (!(off_lattice(d) < tolerance[k])) return false;
          apart |= off_lattice(group.positions[j][k] - group.positions[i][k]) > 2 * tolerance_[k];
        }
        return apart;
      };
      std::vector<std::vector<std::size_t>> members(n);
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
          if (!together(i, j)) continue;
          members[i].push_back(j);
          if (members[i].size() > static_cast<std::size_t>(index)) return std::nullopt;
        }
        if (members[i].size() != static_cast<std::size_t>(index)) return std::nullopt;
      }
      for (std::size_t i = 0; i < n; ++i) {  // sets of equal size are cliques iff they are the same
        for (const std::size_t j : members[i]) {
          if (members[j] != members[i]) return std::nullopt;
        }
      }
      for (std::size_t i = 0; i < n; ++i) {
        if (members[i][0] != i) continue;
        Vector3 mean;
        for (int k = 0; k < 3; ++k) {
          mean[k] = wrap_fraction(folded_positions[i][k]);
          for (std::size_t m = 1; m < members[i].size(); ++m) {
            const double d = wrap_fraction(folded_positions[members[i][m]][k]) - mean[k];
            mean[k] += (d - std::nearbyint(d)) / static_cast<double>(m + 1);
          }
        }
        result.species.push_back(group.species);
        result.positions.push_back(mean);
      }
    }
    return result;
  }

  const ReducedCrystal& crystal_;
  double tolerance_a_;
  Vector3 tolerance_;  // fractional
  std::vector<Group> groups_;
  std::vector<Vector3> translations_;
};

}  // namespace

ReducedCrystal in_niggli_cell(ReducedCrystal crystal) {
  const CellMatrix lattice = niggli_reduced(crystal.lattice);
  if (all_close(lattice, crystal.lattice)) return crystal;
  const CellMatrix change = times(crystal.lattice, inverse(lattice));
  for (Vector3& p : crystal.positions) {
    p = times(p, change);
    for (double& x : p) x = wrap_fraction(x);
  }
  crystal.lattice = lattice;
  return crystal;
}

ReducedCrystal in_primitive_cell(ReducedCrystal crystal, double tolerance_a) {
  bool smaller = false;
  while (auto found = CellSearch(crystal, tolerance_a).first()) {
    crystal = *std::move(found);
    smaller = true;
  }
  return smaller ? in_niggli_cell(std::move(crystal)) : crystal;
}

ReducedCrystal reduce_for_matching(const Crystal& crystal) {
  ReducedCrystal result;
  result.lattice = crystal.cell.matrix();
  if (crystal.sites.size() > kMaxMatchSites) {
    result.too_large = true;
    result.composition = crystal.composition();
    return result;
  }
  std::vector<const Site*> sites;
  for (const Site& site : crystal.sites) sites.push_back(&site);
  std::stable_sort(sites.begin(), sites.end(), [](const Site* one, const Site* other) {
    const auto rank = [](const Site* site) {
      const double x = element(site->atomic_number).electronegativity;
      return std::pair(std::isnan(x) ? HUGE_VAL : x, symbol(site->atomic_number));
    };
    return rank(one) < rank(other);
  });
  for (const Site* site : sites) {
    result.species.push_back(site->atomic_number);
    const auto& p = site->position;
    result.positions.push_back({wrap_fraction(p.x), wrap_fraction(p.y), wrap_fraction(p.z)});
  }
  result = in_primitive_cell(in_niggli_cell(std::move(result)));
  for (const int z : result.species) ++result.composition[z];
  return result;
}

}  // namespace anneal
