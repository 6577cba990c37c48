// Structural and compositional validity.
#include <chrono>
#include <cmath>
#include <functional>

#include "base/random.h"
#include "cif/crystal_table.h"
#include "cif/csv.h"
#include "cif/elements.h"
#include "cif/validity.h"
#include "tests/catch.h"
#include "tests/source_folder.h"
#include "tests/temporary_folder.h"

using namespace anneal;

namespace {

Composition atoms(std::initializer_list<std::pair<const char*, int>> terms) {
  Composition result;
  for (const auto& [name, count] : terms) result[atomic_number(name)] += count;
  return result;
}

/// The reference as it is written: all products of states, pairs in the order of
/// itertools.combinations; comparing a missing electronegativity (TypeError) is a pass, a pair of
/// equal signs with one is a failure (eneg_states_test of SMACT 2.2.1).
bool by_all_products(const Composition& composition) {
  if (composition.size() == 1) return true;
  bool metals = true;
  for (const auto& [z, n] : composition) metals &= element(z).smact_metal;
  if (metals) return true;
  const Composition simple = reduced(composition);
  std::vector<std::pair<const Element*, int>> terms;
  for (const auto& [z, n] : simple) terms.emplace_back(&element(z), n);
  std::vector<int> q(terms.size());
  const auto pauling = [&] {
    for (std::size_t i = 0; i < q.size(); ++i) {
      for (std::size_t j = i + 1; j < q.size(); ++j) {
        const double x1 = terms[i].first->smact_electronegativity,
                     x2 = terms[j].first->smact_electronegativity;
        if ((q[i] > 0 && q[j] < 0) || (q[i] < 0 && q[j] > 0)) {
          if (std::isnan(x1) || std::isnan(x2)) return true;
          if (q[i] > 0 ? x1 >= x2 : x1 <= x2) return false;
        } else if (std::isnan(x1) || std::isnan(x2)) {
          return false;
        }
      }
    }
    return true;
  };
  std::function<bool(std::size_t, int)> choose = [&](std::size_t k, int charge) {
    if (k == terms.size()) return charge == 0 && pauling();
    for (const int state : terms[k].first->oxidation_states()) {
      q[k] = state;
      if (choose(k + 1, charge + state * terms[k].second)) return true;
    }
    return false;
  };
  return choose(0, 0);
}

}  // namespace

TEST_CASE("compositional validity of known compounds") {
  CHECK(composition_valid(atoms({{"C", 8}})));
  CHECK(composition_valid(atoms({{"Cu", 3}, {"Au", 1}})));  // metals
  CHECK(composition_valid(atoms({{"Na", 4}, {"Cl", 4}})));
  CHECK(composition_valid(atoms({{"Li", 1}, {"Fe", 1}, {"P", 1}, {"O", 4}})));
  CHECK_FALSE(composition_valid(atoms({{"Na", 1}, {"Cl", 3}})));
  CHECK_FALSE(composition_valid(atoms({{"Pm", 1}, {"Ne", 1}})));  // neon has no states
  CHECK(composition_valid(atoms({{"Pm", 2}, {"O", 3}})));         // no electronegativity: passes
  CHECK_FALSE(composition_valid(atoms({{"Pm", 2}, {"Mg", 1}, {"Se", 4}})));  // Mg and Pm: cations
  CHECK_FALSE(composition_valid(atoms({{"Rf", 1}, {"O", 2}})));              // not in SMACT's data
  CHECK_FALSE(composition_valid({}));
}

TEST_CASE("compositional validity equals trying all products of oxidation states") {
  Random random(name_key("composition"));
  int valid = 0;
  const int unknown[] = {61, 86, 103};  // Pm, Rn, Lr: states but no electronegativity
  for (int trial = 0; trial < 60000; ++trial) {
    Composition composition;
    const int elements = 2 + static_cast<int>(random.below(trial % 20 == 0 ? 4 : 3));
    for (int i = 0; i < elements; ++i) {
      const int z = trial % 2 == 0 && random.below(3) == 0
                        ? unknown[random.below(3)]
                        : 1 + static_cast<int>(random.below(103));
      composition[z] = 1 + static_cast<int>(random.below(6));
    }
    const bool expected = by_all_products(composition);
    valid += expected;
    INFO(formula(composition));
    REQUIRE(composition_valid(composition) == expected);
  }
  CHECK(valid > 3000);
  CHECK(valid < 55000);
}

TEST_CASE("compositional validity is fast for many elements with many states") {
  // 10 elements with 8 to 11 states each: 1e9 products and more
  Composition many;
  for (const char* name : {"Mn", "Re", "Os", "Ir", "Cl", "C", "Si", "N", "S", "Ge", "Pm"}) {
    many[atomic_number(name)] = 7 + static_cast<int>(many.size());
  }
  const auto start = std::chrono::steady_clock::now();
  composition_valid(many);  // with one unknown electronegativity
  many.erase(61);
  composition_valid(many);
  Composition all;
  for (int z = 1; z <= 103; ++z) {
    if (!element(z).oxidation_states().empty()) all[z] = 100 + z;
  }
  composition_valid(all);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
}

TEST_CASE("minimum distances equal pymatgen's, in skewed cells too") {
  const auto path = anneal::testing::source_folder() / "tests/cif/minimum_distances.csv";
  CsvReader extra(path);
  const auto distance = extra.column("min_distance"), volume = extra.column("volume");
  std::vector<std::string> row;
  CrystalReader reader(path);
  int count = 0;
  while (auto record = reader.next()) {
    REQUIRE(extra.next(row));
    REQUIRE(record->parsed.crystal);
    INFO("row " << count);
    // both are sums of a few products in double precision
    CHECK(*minimum_distance(*record->parsed.crystal) ==
          Approx(std::stod(row[distance])).epsilon(1e-9));
    CHECK(record->parsed.crystal->cell.volume() == Approx(std::stod(row[volume])).epsilon(1e-9));
    ++count;
  }
  CHECK(count == 200);
}

TEST_CASE("minimum distances of many sites equal those of all pairs") {
  Random random(name_key("distances"));
  for (int trial = 0; trial < 30; ++trial) {
    Crystal crystal;
    crystal.cell = {random.uniform() * 10 + 2,  random.uniform() * 10 + 2,
                    random.uniform() * 30 + 2,  70 + random.uniform() * 40,
                    70 + random.uniform() * 40, 70 + random.uniform() * 40};
    const int n = 65 + static_cast<int>(random.below(200));
    for (int i = 0; i < n; ++i) {
      crystal.sites.push_back({26, {random.uniform(), random.uniform(), random.uniform()}});
    }
    // by brute force over 5 x 5 x 5 images
    const auto m = crystal.cell.matrix();
    double best = 1e9;
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < i; ++j) {
        const auto p = crystal.sites[i].position, q = crystal.sites[j].position;
        for (int k = 0; k < 125; ++k) {
          const auto c = to_cartesian(
              m, {p.x - q.x + k % 5 - 2, p.y - q.y + k / 5 % 5 - 2, p.z - q.z + k / 25 - 2});
          best = std::min(best, std::hypot(c.x, c.y, c.z));
        }
      }
    }
    CHECK(*minimum_distance(crystal) == Approx(best).epsilon(1e-9));
  }
}

TEST_CASE("absurd cells cost no time") {
  Crystal needle{{0.01, 0.01, 100, 90, 90, 90}, {}};
  for (int i = 0; i < 2000; ++i) needle.sites.push_back({26, {0.3 * i, 0.7 * i, i / 2000.0}});
  const auto start = std::chrono::steady_clock::now();
  CHECK(*minimum_distance(needle) == Approx(0.05).epsilon(0.02));
  CHECK_FALSE(structure_valid(needle));
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
  CHECK_FALSE(UnitCell{1e-200, 3, 3, 90, 90, 90}.possible());
}

TEST_CASE("structural validity at its borders") {
  Crystal two{{10, 10, 10, 90, 90, 90}, {{26, {0, 0, 0}}, {26, {0.05, 0, 0}}}};
  CHECK(structure_valid(two));  // 0.5 A is not below 0.5 A
  two.sites[1].position.x = 0.0499;
  CHECK_FALSE(structure_valid(two));
  two.sites[1].position.x = 0.9501;  // through the border
  CHECK_FALSE(structure_valid(two));
  two.sites.pop_back();
  CHECK(structure_valid(two));
  CHECK_FALSE(minimum_distance(two));
  CHECK_FALSE(structure_valid({{0.4, 0.4, 0.4, 90, 90, 90}, {{26, {}}}}));
  two.sites.assign(20000, two.sites[0]);
  CHECK(*minimum_distance(two) == 0);
  Random random(1);
  for (auto& site : two.sites)
    site.position = {random.uniform(), random.uniform(), random.uniform()};
  CHECK(*minimum_distance(two) > 0);
}
