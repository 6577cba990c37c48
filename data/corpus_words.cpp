#include "data/corpus_words.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>

#include "cif/elements.h"
#include "data/facts_elements.h"
#include "data/facts_space_groups.h"

namespace anneal {
namespace {

std::string name_of(int z) { return std::string(element_name(z)); }
std::string one_decimal(double x) { return fmt::format("{:.1f}", x); }
std::string two_decimals(double x) { return fmt::format("{:.2f}", x); }

/// At most two decimals, without trailing zeros.
std::string short_number(double x) {
  std::string text = two_decimals(x);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string signed_state(int state) { return fmt::format("{:+d}", state); }

std::string atoms(int count, int z) {
  return fmt::format("{} {} atom{}", number_word(count), element_name(z), count == 1 ? "" : "s");
}

/// By electronegativity, as in formulae.
template <class Counts>
std::vector<int> ordered_elements(const Counts& counts) {
  std::vector<std::pair<double, int>> ranked;
  for (const auto& [z, count] : counts) {
    const double x = element(z).electronegativity;
    ranked.emplace_back(std::isnan(x) ? HUGE_VAL : x, z);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<int> elements;
  for (const auto& [x, z] : ranked) elements.push_back(z);
  return elements;
}

std::vector<std::string> names_of(const std::vector<int>& elements) {
  std::vector<std::string> names;
  for (const int z : elements) names.push_back(name_of(z));
  return names;
}

std::string density_word(double density) {
  if (density < 2) return "light";
  if (density < 4) return "fairly light";
  if (density < 7) return "of medium weight";
  if (density < 11) return "heavy";
  return "very heavy";
}

/// Facts that need only the amounts of the elements.
template <class Counts>
void add_composition(const Counts& counts, Random& random, Words& w) {
  const auto elements = ordered_elements(counts);
  double mass = 0, total = 0;
  for (const auto& [z, count] : counts) {
    mass += element(z).mass_u * count;
    total += count;
  }
  const auto any = [&] { return elements[random.below(elements.size())]; };
  const int family = any();
  w["family_element"] = name_of(family);
  w["a_family"] = with_article(element_family(family));
  if (elements.size() < 2) return;

  w["elements"] = listed(names_of(elements));
  const int part = any(), other = any();
  w["part"] = name_of(part);
  w["mass_percent"] = one_decimal(100 * element(part).mass_u * counts.at(part) / mass);
  w["other_part"] = name_of(other);
  w["atom_percent"] = one_decimal(100 * counts.at(other) / total);
  const auto [light, heavy] = std::minmax_element(elements.begin(), elements.end());
  w["lightest"] = name_of(*light);
  w["heaviest"] = name_of(*heavy);
  w["z_low"] = std::to_string(*light);
  w["z_high"] = std::to_string(*heavy);
}

/// Facts of chemistry: bonding, charges, class of compound.
void add_chemistry(const Composition& formula_unit, Random& random, Words& w) {
  const auto elements = ordered_elements(formula_unit);
  const int state_element = elements[random.below(elements.size())];
  if (const auto states = states_in_words(state_element); !states.empty()) {
    w["state_element"] = name_of(state_element);
    w["states"] = states;
  }
  if (elements.size() < 2) return;

  const bool all_metals =
      std::all_of(elements.begin(), elements.end(), [](int z) { return element(z).smact_metal; });
  const bool others_metals = std::all_of(elements.begin(), elements.end() - 1,
                                         [](int z) { return element(z).smact_metal; });
  if (all_metals) w["intermetallic"] = "intermetallic compound";
  const int anion = elements.back(), cation = elements.front();
  const double high = element(anion).electronegativity, low = element(cation).electronegativity;
  if (!std::isnan(high) && !std::isnan(low) && high > low) {
    w["anion_element"] = name_of(anion);
    w["cation_element"] = name_of(cation);
    w["en_high"] = short_number(high);
    w["en_low"] = short_number(low);
    w["en_difference"] = short_number(high - low);
    w["bonding"] = high - low >= 1.7 ? "ionic" : high - low >= 0.5 ? "polar" : "hardly polar";
    // carbonates, nitrates and the like are not called oxides: the other elements must be metals
    if (!all_metals && others_metals && !anion_name(anion).empty()) {
      w["class"] = anion_name(anion);
      w["a_class"] = with_article(anion_name(anion));
    }
  }
  if (const auto states = balanced_states(formula_unit); !states.empty() && !all_metals) {
    std::vector<std::string> charges;
    for (const int z : elements) {
      charges.push_back(fmt::format("{} {}", element_name(z), signed_state(states.at(z))));
    }
    w["charges"] = listed(charges);
  }
}

void add_symmetry(const std::string& symbol, Words& w) {
  const int number = facts_space_group_number(symbol);
  if (number == 0) return;
  w["sg"] = symbol;
  w["sgn"] = std::to_string(number);
  w["system"] = facts_crystal_system(number);
  w["a_system"] = with_article(facts_crystal_system(number));
  const char letter = symbol[0];
  w["centring"] = std::string(1, letter);
  w["centred"] = letter == 'P'   ? "primitive"
                 : letter == 'F' ? "face-centred"
                 : letter == 'I' ? "body-centred"
                 : letter == 'R' ? "rhombohedral"
                                 : "base-centred";
  if (const auto at = symbol.find('_'); at != std::string::npos)
    w["screw"] = symbol.substr(at - 1, 3);
}

void add_cell(const Crystal& crystal, Words& w) {
  const auto& cell = crystal.cell;
  w["a"] = two_decimals(cell.a);
  w["b"] = two_decimals(cell.b);
  w["c"] = two_decimals(cell.c);
  if (w["a"] == w["b"] && w["b"] == w["c"]) w["edge"] = w["a"];
  w["alpha"] = one_decimal(cell.alpha);
  w["beta"] = one_decimal(cell.beta);
  w["gamma"] = one_decimal(cell.gamma);
  if (w["alpha"] == "90.0" && w["beta"] == "90.0" && w["gamma"] == "90.0") w["right"] = "";
  const double volume = cell.volume(), natoms = static_cast<double>(crystal.sites.size());
  w["volume"] = one_decimal(volume);
  w["atom_volume"] = one_decimal(volume / natoms);
  w["number_density"] = one_decimal(1000 * natoms / volume);
  const double d = spacing_001_a(cell);
  w["d001"] = two_decimals(d);
  // Bragg: wavelength = 2 d sin(theta), copper K-alpha1
  const double sine = 1.5406 / (2 * d);
  if (sine < 1) w["theta"] = one_decimal(2 * std::asin(sine) * 180 / 3.14159265358979323846);
}

void add_gap(double gap_ev, Words& w) {
  w["a_gap_class"] = with_article(gap_class(gap_ev));
  if (gap_ev <= 0) {
    w["metallic"] = "";
    return;
  }
  w["gap"] = short_number(gap_ev);
  w["wavelength"] = fmt::format("{:.0f}", 1239.84 / gap_ev);  // h c = 1239.84 eV nm
  w[gap_ev > 3.1 ? "clear" : gap_ev < 1.7 ? "infrared" : "visible"] = "";
}

}  // namespace

std::string states_in_words(int atomic_number) {
  std::vector<std::string> states;
  for (const int state : element(atomic_number).oxidation_states()) {
    states.push_back(signed_state(state));
  }
  return listed(states);
}

Words crystal_words(const CorpusCrystal& fact, const CorpusFacts& facts, Random& random) {
  const Composition counts = fact.crystal.composition(), unit = reduced(counts);
  const auto elements = ordered_elements(counts);
  Words w;
  w["formula"] = fact.formula;
  if (fact.id.starts_with("mp-")) w["id"] = fact.id;
  if (elements.size() == 1) w["pure"] = name_of(elements[0]);
  static constexpr std::array kArity = {"", "", "binary", "ternary", "quaternary", "quinary"};
  if (elements.size() >= 2 && elements.size() < kArity.size()) {
    w["arity"] = kArity[elements.size()];
    w["a_arity"] = with_article(kArity[elements.size()]);
  }
  add_composition(counts, random, w);
  add_chemistry(unit, random, w);
  add_symmetry(fact.spacegroup, w);
  add_cell(fact.crystal, w);

  std::vector<std::string> unit_atoms, cell_atoms, batch;
  const double unit_mass = mass_u(unit);
  for (const int z : elements) {
    unit_atoms.push_back(atoms(unit.at(z), z));
    cell_atoms.push_back(atoms(counts.at(z), z));
    batch.push_back(fmt::format("{} g of {}",
                                two_decimals(10 * unit.at(z) * element(z).mass_u / unit_mass),
                                element_name(z)));
  }
  w["cell_atoms"] = listed(cell_atoms);
  w["natoms"] = number_word(static_cast<int>(fact.crystal.sites.size()));
  if (fact.crystal.sites.size() == 1) w.erase("natoms");  // "one atoms"
  if (elements.size() > 1) {
    w["unit"] = listed(unit_atoms);
    w["batch"] = listed(batch);
    w["molar_mass"] = two_decimals(unit_mass);
  }
  w["density"] = two_decimals(fact.density_g_cm3);
  w["density_word"] = density_word(fact.density_g_cm3);

  const NearestPair& nearest = fact.nearest;
  w["dmin"] = two_decimals(nearest.distance_a);
  w["pair"] =
      nearest.first == nearest.second
          ? fmt::format("two {} atoms", element_name(nearest.first))
          : fmt::format("{} and {}", element_name(nearest.first), element_name(nearest.second));
  if (const auto gap = facts.gap_of.find(fact.formula); gap != facts.gap_of.end()) {
    add_gap(gap->second, w);
  }
  return w;
}

Words comparison_words(const CorpusCrystal& first, const CorpusCrystal& second,
                       const CorpusFacts& facts, Random& random) {
  Words w = crystal_words(first, facts, random);
  const Words v = crystal_words(second, facts, random);
  w["other"] = second.formula;
  w["other_dmin"] = v.at("dmin");
  const auto counts = first.crystal.composition(), other = second.crystal.composition();
  std::vector<int> common, only_first, only_second;
  for (const int z : ordered_elements(counts)) (other.count(z) ? common : only_first).push_back(z);
  for (const int z : ordered_elements(other)) {
    if (!counts.count(z)) only_second.push_back(z);
  }
  if (!common.empty()) w["common"] = listed(names_of(common));
  if (!only_first.empty()) w["only_first"] = listed(names_of(only_first));
  if (!only_first.empty() && !only_second.empty()) w["only_second"] = listed(names_of(only_second));

  // only differences that the printed digits show
  const auto higher = [&](const std::string& value, const std::string& other_value) {
    return std::stod(value) > std::stod(other_value);
  };
  if (w["density"] != v.at("density")) {
    const bool swap = higher(v.at("density"), w["density"]);
    const auto &dense = swap ? second : first, &light = swap ? first : second;
    w["denser"] = dense.formula;
    w["lighter"] = light.formula;
    w["dense_high"] = two_decimals(dense.density_g_cm3);
    w["dense_low"] = two_decimals(light.density_g_cm3);
    const double ratio = dense.density_g_cm3 / light.density_g_cm3;
    if (ratio >= 1.15) w["dense_ratio"] = one_decimal(ratio);
  }
  if (w["atom_volume"] != v.at("atom_volume")) {
    const bool swap = higher(v.at("atom_volume"), w["atom_volume"]);
    w["roomy"] = swap ? second.formula : first.formula;
    w["tight"] = swap ? first.formula : second.formula;
    w["roomy_volume"] = swap ? v.at("atom_volume") : w["atom_volume"];
    w["tight_volume"] = swap ? w["atom_volume"] : v.at("atom_volume");
  }
  if (const auto n = first.crystal.sites.size(), m = second.crystal.sites.size(); n != m) {
    w["larger"] = n > m ? first.formula : second.formula;
    w["smaller"] = n > m ? second.formula : first.formula;
    w["larger_natoms"] = number_word(static_cast<int>(std::max(n, m)));
    w["smaller_natoms"] = number_word(static_cast<int>(std::min(n, m)));
  }
  if (w.count("sg") > 0 && v.count("sg") > 0) {
    if (w["sg"] == v.at("sg")) {
      w["same_sg"] = w["sg"];
      w.erase("sg");  // the frames with two groups say that they differ
      w.erase("system");
    } else {
      w["other_sg"] = v.at("sg");
      if (w["system"] == v.at("system")) {
        w["same_system"] = w["system"];
      } else {
        w["other_system"] = v.at("system");
      }
    }
  }
  return w;
}

Words gap_words(const BandGap& gap, Random& random) {
  Words w;
  w["formula"] = gap.formula;
  if (const auto counts = parse_formula(gap.formula); !counts.empty()) {
    add_composition(counts, random, w);
  }
  add_gap(gap.gap_ev, w);
  return w;
}

Words gap_pair_words(const BandGap& first, const BandGap& second) {
  if (std::abs(first.gap_ev - second.gap_ev) < 0.01) return {};
  const auto &wide = first.gap_ev > second.gap_ev ? first : second,
             &narrow = first.gap_ev > second.gap_ev ? second : first;
  return {{"wider", wide.formula},
          {"narrower", narrow.formula},
          {"wide_gap", short_number(wide.gap_ev)},
          {"gap_difference", short_number(wide.gap_ev - narrow.gap_ev)}};
}

Words element_words(int z, const CorpusFacts& facts, const std::vector<std::size_t>& crystals,
                    Random& random) {
  Words w;
  w["name"] = name_of(z);
  w["symbol"] = symbol(z);
  w["z"] = std::to_string(z);
  w["family"] = element_family(z);
  w["a_family"] = with_article(element_family(z));
  w["mass"] = two_decimals(element(z).mass_u);
  if (const double en = element(z).electronegativity; !std::isnan(en)) {
    w["en"] = short_number(en);
    w["en_word"] = en >= 2.5   ? "strongly electronegative"
                   : en >= 1.6 ? "of middling electronegativity"
                               : "electropositive";
  }
  if (const auto states = states_in_words(z); !states.empty()) w["states"] = states;

  std::set<std::string> chosen;
  std::string densest;
  double high = 0;
  for (int i = 0; i < 12 && chosen.size() < 4 && !crystals.empty(); ++i) {
    const auto& fact = facts.train[crystals[random.below(crystals.size())]];
    if (!chosen.insert(fact.formula).second) continue;
    if (fact.density_g_cm3 > high) {
      high = fact.density_g_cm3;
      densest = fact.formula;
    }
  }
  if (chosen.size() >= 2) {
    w["crystals"] = listed({chosen.begin(), chosen.end()});
    w["densest"] = densest;
    w["dense_high"] = two_decimals(high);
  }
  return w;
}

}  // namespace anneal
