#include "data/crystal_tasks.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "cif/cif_file.h"
#include "cif/crystal_string.h"
#include "cif/elements.h"
#include "data/facts_space_groups.h"

namespace anneal {
namespace {

constexpr const char* kCellRequest =
    "Generate a description of the lengths and angles of the lattice vectors and then the element "
    "type and coordinates for each atom within the lattice";
constexpr const char* kCrystalFormat =
    "The output should be of the following format ONLY:\n"
    "l1, l2, l3\na1, a2, a3\natom1\nx, y, z\natom2\nx, y, z\n ...\n\n"
    "l1, l2, l3 should be the predicted cell lengths.\n"
    "a1, a2, a3 should be the predicted cell angles.\n"
    "atom1, atom2, atom3, and so on, should be replaced with atom names and corresponding x, y, z "
    "with their coordinates in the lattice.";

std::string three_decimals(double x) {
  const std::string text = fmt::format("{:.3f}", x);
  return text == "-0.000" ? "0.000" : text;
}

std::string place(const Site& site) {
  const auto& p = site.position;
  return fmt::format("{}, {}, {}", three_decimals(p.x), three_decimals(p.y), three_decimals(p.z));
}

/// The value behind a tag of the CIF that we write, so that the answer stands in the question.
std::string cif_value(const std::string& cif, std::string_view tag) {
  for (const auto line : split(cif, '\n')) {
    if (line.starts_with(tag)) return std::string(trim(line.substr(tag.size())));
  }
  throw DataError(fmt::format("the CIF text has no {}", tag));
}

/// A reading task: the whole CIF, then the question.
ChatRecord about_cif(const std::string& cif, const std::string& question, std::string answer) {
  return {"", fmt::format("Below is a CIF file.\n{}\n\n{}", trim(cif), question),
          std::move(answer)};
}

std::optional<double> number(const std::map<std::string, std::string>& columns,
                             const std::string& name) {
  const auto at = columns.find(name);
  if (at == columns.end()) return std::nullopt;
  const std::string_view text = trim(at->second);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::optional<int> space_group(const std::map<std::string, std::string>& columns) {
  for (const char* name : {"spacegroup.number", "spacegroup_number", "spacegroup"}) {
    if (const auto value = number(columns, name)) {
      if (*value >= 1 && *value <= kNumSpaceGroups) return static_cast<int>(*value);
    } else if (const auto at = columns.find(name); at != columns.end()) {
      if (const int group = facts_space_group_number(trim(at->second)); group > 0) return group;
    }
  }
  return std::nullopt;
}

double rounded(double x, double digits) { return std::round(x * digits) / digits; }

/// The crystal with the digits that short_cif prints.
Crystal rounded(const Crystal& crystal) {
  Crystal copy = crystal;
  auto& c = copy.cell;
  for (double* length : {&c.a, &c.b, &c.c}) *length = rounded(*length, 100);
  for (double* angle : {&c.alpha, &c.beta, &c.gamma}) *angle = rounded(*angle, 10);
  for (auto& [z, p] : copy.sites) {
    p = {rounded(p.x, 1000), rounded(p.y, 1000), rounded(p.z, 1000)};
  }
  return copy;
}

ChatRecord conditional_generation(const DescribedCrystal& described, const std::string& text,
                                  Random& random) {
  std::string question = "Below is a description of a bulk material. ";
  const std::vector<std::string> optional = {"formation_energy_per_atom", "e_above_hull",
                                             "spacegroup.number"};
  if (const auto count = random.below(optional.size() + 1); count > 0) {
    // as in the original, what the table lacks is skipped; formula and elements are always there
    auto conditions = available_conditions(described, {"pretty_formula", "elements"});
    const auto known = available_conditions(described, optional);
    const auto chosen =
        sample_conditions(known, std::min<std::size_t>(count, known.size()), random);
    conditions.insert(conditions.end(), chosen.begin(), chosen.end());
    question = conditional_prompt(conditions);
    question.resize(question.find(kCellRequest));
  }
  return {"", fmt::format("{}{}.\n{}", question, kCellRequest, kCrystalFormat), text};
}

}  // namespace

const std::vector<std::string>& crystal_task_names() {
  static const std::vector<std::string> names = {
      "atom_count",         "dimensions_synt", "atom_name",      "space_group",
      "cell_volume",        "formula",         "replace",        "conditional_generation",
      "element_generation", "infill",          "dimensions_sem", "vol_calc",
      "formula_compute"};
  return names;
}

CrystalTask parse_crystal_task(const std::string& name) {
  std::string plain = name;
  std::replace(plain.begin(), plain.end(), ' ', '_');
  const auto& names = crystal_task_names();
  const auto at = std::find(names.begin(), names.end(), plain);
  if (at == names.end()) {
    throw UsageError(
        fmt::format("'{}' is no crystal task", name),
        fmt::format("nearest: {}; all: {}", nearest_name(plain, names), fmt::join(names, ", ")));
  }
  return static_cast<CrystalTask>(at - names.begin());
}

DescribedCrystal describe(Crystal crystal, const std::map<std::string, std::string>& columns) {
  return {.crystal = std::move(crystal),
          .formation_energy_per_atom = number(columns, "formation_energy_per_atom"),
          .band_gap = number(columns, "band_gap"),
          .e_above_hull = number(columns, "e_above_hull"),
          .spacegroup_number = space_group(columns)};
}

std::vector<Condition> available_conditions(const DescribedCrystal& described,
                                            const std::vector<std::string>& keys) {
  std::vector<Condition> conditions;
  for (const auto& key : keys) {
    const auto add_number = [&](const std::optional<double>& value) {
      if (value) conditions.push_back({key, condition_number(*value)});
    };
    if (key == "pretty_formula") conditions.push_back({key, described.crystal.formula()});
    if (key == "elements") {
      conditions.push_back(
          {key, fmt::format("{}", fmt::join(elements_in_order(described.crystal), ", "))});
    }
    if (key == "formation_energy_per_atom") add_number(described.formation_energy_per_atom);
    if (key == "band_gap") add_number(described.band_gap);
    if (key == "e_above_hull") add_number(described.e_above_hull);
    if (key == "spacegroup.number" && described.spacegroup_number) {
      conditions.push_back({key, std::to_string(*described.spacegroup_number)});
    }
  }
  return conditions;
}

std::vector<Condition> sample_conditions(std::vector<Condition> conditions, std::size_t count,
                                         Random& random) {
  for (std::size_t i = 0; i < count; ++i) {
    std::swap(conditions[i], conditions[i + random.below(conditions.size() - i)]);
  }
  conditions.resize(count);
  return conditions;
}

std::vector<std::string> elements_in_order(const Crystal& crystal) {
  std::vector<std::pair<double, std::string>> ranked;
  for (const auto& [z, count] : crystal.composition()) {
    const double x = element(z).electronegativity;
    ranked.emplace_back(std::isnan(x) ? HUGE_VAL : x, symbol(z));
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::string> symbols;
  for (auto& [rank, name] : ranked) symbols.push_back(std::move(name));
  return symbols;
}

bool applicable(CrystalTask task, const DescribedCrystal& described) {
  return described.crystal.sites.size() >= (task == CrystalTask::kReplace ? 2u : 1u);
}

Fractional random_shift(Random& random) {
  const double x = random.uniform(), y = random.uniform(), z = random.uniform();
  return {x, y, z};
}

Crystal placed(const Crystal& crystal, bool translate, Random& random) {
  const Fractional shift = random_shift(random);
  return translated(crystal, translate ? shift : Fractional{});
}

// The element stands under _atom_site_label, which pymatgen's reader cannot do without.
std::string short_cif(const Crystal& crystal) {
  const auto& c = crystal.cell;
  std::string text = fmt::format(
      "data_{0}\n_symmetry_space_group_name_H-M 'P 1'\n_cell_length_a {1:.2f}\n_cell_length_b "
      "{2:.2f}\n"
      "_cell_length_c {3:.2f}\n_cell_angle_alpha {4:.1f}\n_cell_angle_beta {5:.1f}\n"
      "_cell_angle_gamma {6:.1f}\n_chemical_formula_structural {0}\n_cell_volume {7:.2f}\nloop_\n"
      "_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n",
      crystal.formula(), c.a, c.b, c.c, c.alpha, c.beta, c.gamma, c.volume());
  for (const auto& [z, p] : crystal.sites) {
    text += fmt::format("{} {} {} {}\n", symbol(z), three_decimals(p.x), three_decimals(p.y),
                        three_decimals(p.z));
  }
  return text;
}

ChatRecord crystal_task_record(CrystalTask task, const DescribedCrystal& described, Random& random,
                               CifForm form) {
  const bool is_short = form == CifForm::kShort;
  const Crystal crystal = is_short ? rounded(described.crystal) : described.crystal;
  const auto& sites = crystal.sites;
  const auto& cell = crystal.cell;
  const auto any_site = [&] { return random.below(sites.size()); };
  const auto& systems = crystal_task_systems(task);
  const std::string system = systems[random.below(systems.size())];
  const std::string text = crystal_string(placed(crystal, described.translate, random));
  const auto cif = [&] { return is_short ? short_cif(crystal) : write_cif(crystal); };
  const std::string shown_crystal = fmt::format(
      "Below is a description of the dimensions, as well as of the element type and coordinates "
      "for "
      "each atom within the lattice of a stable crystal:\n{}\n",
      text);

  ChatRecord record;
  switch (task) {
    case CrystalTask::kAtomCount: {
      const int z = sites[any_site()].atomic_number;
      record =
          about_cif(cif(),
                    fmt::format("Find the number of {} atoms in the unit cell described by the "
                                "above CIF file.",
                                symbol(z)),
                    std::to_string(crystal.composition().at(z)));
      break;
    }
    case CrystalTask::kDimensionsSynt: {
      const bool lengths = random.below(2) == 0;
      record = about_cif(
          cif(),
          fmt::format("Find the {} the lattice vectors of the unit cell described by the above CIF "
                      "file.",
                      lengths ? "lengths of" : "angles between"),
          lengths ? fmt::format("{:.1f}, {:.1f}, {:.1f}", cell.a, cell.b, cell.c)
                  : fmt::format("{}, {}, {}", static_cast<int>(cell.alpha),
                                static_cast<int>(cell.beta), static_cast<int>(cell.gamma)));
      break;
    }
    case CrystalTask::kAtomName: {
      const Site& site = sites[any_site()];
      record = about_cif(cif(), fmt::format("What is the element at {}?", place(site)),
                         std::string(symbol(site.atomic_number)));
      break;
    }
    case CrystalTask::kSpaceGroup:
      // the CIF is P 1 by construction, here as in the original: the name is read, not derived
      record =
          about_cif(cif(), "What is the name of the symmetry space group of this crystal?", "P1");
      break;
    case CrystalTask::kCellVolume: {
      const std::string file = cif();
      record = about_cif(file, "What is the volume of a unit cell of this crystal?",
                         cif_value(file, "_cell_volume"));
      break;
    }
    case CrystalTask::kFormula:
      record = about_cif(cif(),
                         "What is the chemical formula of the material whose crystal has this "
                         "particular unit cell?",
                         crystal.formula());
      break;
    case CrystalTask::kReplace: {
      const auto first = any_site();
      auto second = random.below(sites.size() - 1);
      if (second >= first) ++second;
      record = about_cif(
          cif(),
          fmt::format(
              "Can you replace the atom at co-ordinates {} with the atom at co-ordinates {} "
              "so that the crystal remains unchanged?",
              place(sites[first]), place(sites[second])),
          sites[first].atomic_number == sites[second].atomic_number ? "Yes" : "No");
      break;
    }
    case CrystalTask::kConditionalGeneration:
      record = conditional_generation(described, text, random);
      break;
    case CrystalTask::kElementGeneration:
      record = {
          "",
          fmt::format("Consider the following elements:\n{}\nYou need to create a stable "
                      "crystal that contains at least one instance of each of these elements. "
                      "It should not contain elements other than the specified ones. {}:\n{}",
                      fmt::join(elements_in_order(crystal), "\n"), kCellRequest, kCrystalFormat),
          text};
      break;
    case CrystalTask::kInfill: {
      const std::string hidden(symbol(sites[any_site()].atomic_number));
      record = {"", std::string(trim(infill_prompt(text, hidden))), hidden};
      break;
    }
    case CrystalTask::kDimensionsSem: {
      const auto sites_at = text.find('\n', text.find('\n') + 1);
      record = {
          "",
          fmt::format("Below is a description of the element type and coordinates for each "
                      "atom within the lattice of a stable crystal:{}\nPredict possible values "
                      "for lengths and angles of the lattice vectors so that the crystal is "
                      "stable. The output should be of the following format ONLY:\n"
                      "l1, l2, l3\na1, a2, a3\n\nl1, l2, l3 should be the predicted cell "
                      "lengths.\na1, a2, a3 should be the predicted cell angles.",
                      text.substr(sites_at)),
          text.substr(0, sites_at)};
      break;
    }
    case CrystalTask::kVolCalc:
      record = {"", shown_crystal + "Compute the volume of a unit cell of this stable crystal.",
                fmt::format("{:.2f}", cell.volume())};
      break;
    case CrystalTask::kFormulaCompute:
      record = {
          "",
          shown_crystal +
              "Find the chemical formula of the stable crystal which has the above unit cell.",
          crystal.formula()};
      break;
  }
  record.system = system;
  return record;
}

}  // namespace anneal
