#include "cif/stability/mp2020.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "cif/elements.h"
#include "cif/stability/anion_types.h"
#include "cif/stability/mp2020_tables.h"

namespace anneal {
namespace {

// eV an atom; Wang et al. 2021, table 1, as in pymatgen's MP2020Compatibility.yaml.
struct MetalCorrection {
  int z;
  double u_ev, correction_ev;  // U of MPRelaxSet; of oxides and fluorides alike
};
constexpr MetalCorrection kMetals[] = {{23, 3.25, -1.700}, {24, 3.7, -1.999}, {25, 3.9, -1.668},
                                       {26, 5.3, -2.256},  {27, 3.32, -1.638}, {28, 6.2, -2.541},
                                       {42, 4.38, -3.202}, {74, 6.2, -4.438}};
struct AnionCorrection {
  int z;
  double correction_ev;
};
constexpr AnionCorrection kAnions[] = {{35, -0.534}, {53, -0.379}, {34, -0.472}, {14, 0.071},
                                       {51, -0.192}, {52, -0.422}, {1, -0.179},  {7, -0.361},
                                       {9, -0.462},  {17, -0.614}};
constexpr double kSulfide = -0.503, kOxide = -0.687, kPeroxide = -0.465, kSuperoxide = -0.161;

constexpr int kOxygen = 8, kFluorine = 9, kSulfur = 16;

/// Whole counts divided by their greatest common divisor; empty if an amount is not whole.
Composition whole_reduced(const Amounts& amounts) {
  Composition composition;
  for (const auto& [z, amount] : amounts) {
    if (std::abs(amount - std::round(amount)) > 1e-8 || amount > 1e6) return {};
    composition[z] = static_cast<int>(std::round(amount));
  }
  return reduced(composition);
}

std::string oxide_type_of_formula(const Amounts& amounts) {
  const auto composition = whole_reduced(amounts);
  if (composition.empty()) return "oxide";
  const std::string name = formula(composition);
  static const std::set<std::string> peroxides = {"Li2O2", "Na2O2", "K2O2",  "Cs2O2", "Rb2O2",
                                                  "BeO2",  "MgO2",  "CaO2",  "SrO2",  "BaO2"};
  static const std::set<std::string> superoxides = {"LiO2", "NaO2", "KO2", "RbO2", "CsO2"};
  static const std::set<std::string> ozonides = {"LiO3", "NaO3", "KO3", "NaO5"};
  if (peroxides.count(name)) return "peroxide";
  if (superoxides.count(name)) return "superoxide";
  if (ozonides.count(name)) return "ozonide";
  return "oxide";
}

}  // namespace

std::map<int, double> guess_oxidation_states(const Amounts& amounts) {
  const auto composition = whole_reduced(amounts);
  int atoms = 0;
  for (const auto& [z, count] : composition) atoms += count;
  if (composition.empty() || atoms > 20) return {};

  // For each element the best score of every sum that its atoms can have; then the best way to reach
  // each total, element by element. A score is the number of occurrences of the states chosen.
  struct Best {
    long score;
    int sum;  // of the last element, that led here
  };
  std::vector<int> elements;
  std::vector<std::map<int, Best>> totals;
  for (const auto& [z, count] : composition) {
    const auto& facts = kMp2020Elements[z];
    std::map<int, long> sums = {{0, 0}};
    for (int i = 0; i < count; ++i) {
      std::map<int, long> next;
      for (const auto& [sum, score] : sums) {
        for (int k = 0; k < facts.num_states; ++k) {
          const auto [at, added] = next.try_emplace(sum + facts.states[k].state, -1);
          at->second = std::max(at->second, score + facts.states[k].occurrences);
        }
      }
      sums = std::move(next);
    }
    std::map<int, Best> reached;
    const std::map<int, Best> start = {{0, {0, 0}}};
    for (const auto& [total, best] : totals.empty() ? start : totals.back()) {
      for (const auto& [sum, score] : sums) {
        const auto [at, added] = reached.try_emplace(total + sum, Best{-1, 0});
        if (best.score + score > at->second.score) at->second = {best.score + score, sum};
      }
    }
    elements.push_back(z);
    totals.push_back(std::move(reached));
  }
  std::map<int, double> states;
  int total = 0;
  for (std::size_t i = elements.size(); i-- > 0;) {
    const auto found = totals[i].find(total);
    if (found == totals[i].end()) return {};
    states[elements[i]] = static_cast<double>(found->second.sum) / composition.at(elements[i]);
    total -= found->second.sum;
  }
  return states;
}

Mp2020Result mp2020_correction(const Amounts& amounts, const CalculationFacts& facts) {
  Mp2020Result result;
  if (facts.run_type != "GGA" && facts.run_type != "GGA+U") {
    result.refusal = fmt::format("run type {}, MP2020 is for GGA and GGA+U", facts.run_type);
    return result;
  }
  if (!facts.potcar_symbols.empty()) {
    std::set<std::string> expected, found(facts.potcar_symbols.begin(), facts.potcar_symbols.end());
    for (const auto& [z, amount] : amounts) expected.insert(kMp2020Elements[z].potcar);
    if (expected != found) {
      result.refusal = "pseudopotentials are not those of MPRelaxSet";
      return result;
    }
  }
  if (amounts.size() == 1) return result;

  std::map<int, double> amount_of(amounts.begin(), amounts.end());
  // pymatgen takes the last in the entry's own order where several are equal (Si and Cu); usual is
  // the order of symbols
  int most_electronegative = 0;
  double highest = -1;
  for (const auto& [z, amount] : amounts) {
    const double x = element(z).electronegativity;
    if (x > highest || (x == highest && symbol(z) > symbol(most_electronegative))) {
      highest = x;
      most_electronegative = z;
    }
  }

  const bool asks_structure = (amount_of.count(kSulfur) && facts.sulfide_type.empty()) ||
                              (amount_of.count(kOxygen) && facts.oxide_type.empty());
  if (asks_structure && !facts.structure_fault.empty()) {
    result.refusal = fmt::format("data.{} is missing, and the structure has {}",
                                 amount_of.count(kSulfur) && facts.sulfide_type.empty() ? "sulfide_type" : "oxide_type",
                                 facts.structure_fault);
    return result;
  }
  if (amount_of.count(kSulfur)) {
    std::string type = facts.sulfide_type;
    if (type.empty()) type = facts.structure ? sulfide_type_of(*facts.structure) : "sulfide";
    if (type == "sulfide" || type == "polysulfide") result.correction_ev += kSulfide * amount_of[kSulfur];
  }
  if (amount_of.count(kOxygen)) {
    std::string type = facts.oxide_type;
    if (type.empty()) type = facts.structure ? oxide_type_of(*facts.structure) : oxide_type_of_formula(amounts);
    if (type == "hydroxide") type = "oxide";
    double each;
    if (type == "oxide") {
      each = kOxide;
    } else if (type == "peroxide") {
      each = kPeroxide;
    } else if (type == "superoxide") {
      each = kSuperoxide;
    } else {
      each = 0;  // ozonides, and oxygen that is no anion
    }
    result.correction_ev += each * amount_of[kOxygen];
  }

  const auto states = facts.oxidation_states ? *facts.oxidation_states : guess_oxidation_states(amounts);
  for (const auto& [z, each] : kAnions) {
    const auto found = amount_of.find(z);
    if (found == amount_of.end()) continue;
    const auto state = states.find(z);
    const double oxidation = state == states.end() ? 0 : state->second;
    const bool anion = oxidation < 0 ? oxidation <= -1 : z == most_electronegative;
    if (anion) result.correction_ev += each * found->second;
  }

  // metals computed with a Hubbard U: as the scheme expects it, or not at all comparable
  const bool mixed = most_electronegative == kOxygen || most_electronegative == kFluorine;
  for (const auto& [z, amount] : amounts) {
    const MetalCorrection* metal = nullptr;
    for (const auto& one : kMetals) {
      if (mixed && one.z == z) metal = &one;
    }
    const auto u = facts.hubbards_ev.find(z);
    const double actual = u == facts.hubbards_ev.end() ? 0 : u->second;
    const double expected = metal ? metal->u_ev : 0;
    if (actual != expected) {
      return {0, fmt::format("U of {} is {} eV, MP2020 expects {}", symbol(z), actual, expected)};
    }
    if (metal) result.correction_ev += metal->correction_ev * amount;
  }
  return result;
}

}  // namespace anneal
