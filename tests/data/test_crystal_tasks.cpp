// data/crystal_prompt and data/crystal_tasks: the wording that training and sampling share, and the
// answers of the 13 tasks recomputed from what the question shows.
#include <fmt/core.h>

#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/text.h"
#include "cif/cif_file.h"
#include "cif/crystal_string.h"
#include "cif/elements.h"
#include "data/crystal_tasks.h"
#include "data/facts.h"
#include "tests/catch.h"

using namespace anneal;

namespace {

/// Zincblende GaAs with an extra far-away N: three elements, distinct places.
DescribedCrystal sample() {
  Crystal crystal;
  crystal.cell = {4.04, 5.96, 7.25, 90, 95.5, 120};
  crystal.sites = {{31, {0.0, 0.0, 0.0}},
                   {31, {0.5, 0.25, 0.125}},
                   {33, {0.25, 0.75, 0.5}},
                   {7, {0.9, 0.1, 0.8}}};
  return describe(crystal, {{"formation_energy_per_atom", "-1.40423"},
                            {"band_gap", ""},
                            {"e_above_hull", "0.0"},
                            {"spacegroup", "P6_3/mmc"}});
}

std::string between(const std::string& text, const std::string& from, const std::string& to) {
  const auto begin = text.find(from) + from.size();
  return text.substr(begin, text.find(to, begin) - begin);
}

/// The crystal that a reading question shows.
Crystal shown_cif(const ChatRecord& record) {
  const auto parsed = read_cif(between(record.question, "Below is a CIF file.\n", "\n\n"));
  REQUIRE(parsed.crystal);
  return *parsed.crystal;
}

int site_at(const Crystal& crystal, const std::string& place) {
  double x, y, z;
  char comma;
  std::istringstream(place) >> x >> comma >> y >> comma >> z;
  for (std::size_t i = 0; i < crystal.sites.size(); ++i) {
    const auto& p = crystal.sites[i].position;
    // three decimals are shown
    if (std::abs(p.x - x) < 6e-4 && std::abs(p.y - y) < 6e-4 && std::abs(p.z - z) < 6e-4) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

/// Fails unless the answer follows from the question.
void check_answer(CrystalTask task, const ChatRecord& r, const DescribedCrystal& d) {
  INFO(crystal_task_names()[static_cast<int>(task)] << "\n" << r.question << "\n=> " << r.answer);
  const auto& q = r.question;
  switch (task) {
    case CrystalTask::kAtomCount: {
      const int z = atomic_number(between(q, "number of ", " atoms"));
      CHECK(r.answer == std::to_string(shown_cif(r).composition().at(z)));
      break;
    }
    case CrystalTask::kDimensionsSynt: {
      const auto c = shown_cif(r).cell;
      const bool lengths = q.find("lengths of") != std::string::npos;
      CHECK(r.answer == (lengths
                             ? fmt::format("{:.1f}, {:.1f}, {:.1f}", c.a, c.b, c.c)
                             : fmt::format("{}, {}, {}", int(c.alpha), int(c.beta), int(c.gamma))));
      break;
    }
    case CrystalTask::kAtomName: {
      const auto c = shown_cif(r);
      const int i = site_at(c, between(q, "element at ", "?"));
      REQUIRE(i >= 0);
      CHECK(r.answer == symbol(c.sites[i].atomic_number));
      break;
    }
    case CrystalTask::kSpaceGroup:
      CHECK(q.find("'P 1'") != std::string::npos);
      CHECK(r.answer == "P1");
      break;
    case CrystalTask::kCellVolume:
      CHECK(std::stod(r.answer) == Approx(shown_cif(r).cell.volume()).epsilon(1e-6).margin(0.0051));
      CHECK(q.find(r.answer) != std::string::npos);
      break;
    case CrystalTask::kFormula:
      CHECK(r.answer == shown_cif(r).formula());
      break;
    case CrystalTask::kReplace: {
      const auto c = shown_cif(r);
      const int i = site_at(c, between(q, "replace the atom at co-ordinates ", " with"));
      const int j = site_at(c, between(q, "with the atom at co-ordinates ", " so that"));
      REQUIRE(i >= 0);
      REQUIRE(j >= 0);
      CHECK(i != j);
      CHECK(r.answer == (c.sites[i].atomic_number == c.sites[j].atomic_number ? "Yes" : "No"));
      break;
    }
    case CrystalTask::kConditionalGeneration:
    case CrystalTask::kElementGeneration: {
      const auto parsed = parse_crystal_string(r.answer);
      REQUIRE(parsed.crystal);
      CHECK(parsed.crystal->formula() == d.crystal.formula());
      if (q.find("formula is") != std::string::npos) {
        CHECK(between(q, "formula is ", ". ") == d.crystal.formula());
      }
      if (task == CrystalTask::kElementGeneration) {
        std::set<std::string> asked, used;
        const std::string list = between(q, "elements:\n", "\nYou");
        for (const auto e : split(list, '\n')) asked.emplace(e);
        for (const auto& site : parsed.crystal->sites) used.emplace(symbol(site.atomic_number));
        CHECK(asked == used);
      }
      break;
    }
    case CrystalTask::kInfill: {
      std::string filled = between(q, "\"[MASK]\":\n", "\nGenerate");
      REQUIRE(filled.find("[MASK]") != std::string::npos);
      for (auto at = filled.find("[MASK]"); at != std::string::npos; at = filled.find("[MASK]")) {
        filled.replace(at, 6, r.answer);
      }
      const auto parsed = parse_crystal_string(filled);
      REQUIRE(parsed.crystal);
      CHECK(parsed.crystal->composition() == d.crystal.composition());
      break;
    }
    case CrystalTask::kDimensionsSem: {
      const auto parsed =
          parse_crystal_string(r.answer + between(q, "of a stable crystal:", "\nPredict"));
      REQUIRE(parsed.crystal);
      CHECK(parsed.crystal->composition() == d.crystal.composition());
      INFO(crystal_string(d.crystal));
      CHECK(crystal_string(d.crystal).starts_with(r.answer + "\n"));
      break;
    }
    case CrystalTask::kVolCalc:
      CHECK(std::stod(r.answer) == Approx(d.crystal.cell.volume()).margin(0.0051));
      break;
    case CrystalTask::kFormulaCompute: {
      const auto parsed = parse_crystal_string(between(q, "of a stable crystal:\n", "\nFind"));
      REQUIRE(parsed.crystal);
      CHECK(r.answer == parsed.crystal->formula());
      break;
    }
  }
}

}  // namespace

TEST_CASE("prompts of crystal generation follow CrystalLLM to the letter") {
  // crystal-text-llm, llama_finetune.py, generation_task and infill_task
  CHECK(
      unconditional_prompt() ==
      "Below is a description of a bulk material. Generate a description of the lengths and angles "
      "of the lattice vectors and then the element type and coordinates for each atom within the "
      "lattice:\n");
  CHECK(conditional_prompt({}) == unconditional_prompt());
  CHECK(
      conditional_prompt(
          {{"pretty_formula", "LiFeO2"}, {"spacegroup.number", "166"}, {"e_above_hull", "0.0123"}})
          .find(
              "material. The chemical formula is LiFeO2. The spacegroup number is 166. The energy "
              "above the convex hull is 0.0123. Generate") != std::string::npos);
  // the whole line is replaced: C is not taken out of Ca
  CHECK(
      infill_prompt("1 1 1\n90 90 90\nC\n0 0 0\nCa\n0 0 1", "C") ==
      "Below is a partial description of a bulk material where one element has been replaced with "
      "the string \"[MASK]\":\n1 1 1\n90 90 90\n[MASK]\n0 0 0\nCa\n0 0 1\nGenerate an element that "
      "could replace [MASK] in the bulk material:\n");
}

TEST_CASE("conditions are read with care") {
  CHECK(parse_condition("pretty_formula: LiFeO2") == Condition{"pretty_formula", "LiFeO2"});
  CHECK(parse_condition("band_gap:1.23456") == Condition{"band_gap", "1.2346"});
  CHECK(parse_condition("spacegroup.number: 225").value == "225");
  CHECK(condition_number(0) == "0.0");
  CHECK(condition_number(-1.4042000001) == "-1.4042");
  CHECK(condition_number(-0.00001) == "0.0");
  CHECK(condition_number(2.5) == "2.5");
  CHECK_THROWS_AS(parse_condition("LiFeO2"), UsageError);
  CHECK_THROWS_AS(parse_condition("pretty_formula:"), UsageError);
  CHECK_THROWS_AS(parse_condition("band_gap: wide"), UsageError);
  CHECK_THROWS_AS(parse_condition("band_gap: nan"), UsageError);
  CHECK_THROWS_AS(parse_condition("spacegroup.number: 231"), UsageError);
  try {
    parse_condition("prety_formula: X");
    FAIL("no error");
  } catch (const UsageError& e) {
    CHECK(e.hint().find("nearest: pretty_formula") != std::string::npos);
  }
}

TEST_CASE("a table's columns describe a crystal; what is absent or no number is left out") {
  const auto d = sample();
  CHECK(d.formation_energy_per_atom == -1.40423);
  CHECK_FALSE(d.band_gap);
  CHECK(d.e_above_hull == 0.0);
  CHECK(d.spacegroup_number == 194);
  CHECK_FALSE(describe({}, {{"spacegroup", "unknown"}}).spacegroup_number);
  CHECK(describe({}, {{"spacegroup.number", "62"}}).spacegroup_number == 62);
  CHECK_FALSE(describe({}, {{"e_above_hull", "nan"}}).e_above_hull);
  CHECK(elements_in_order(d.crystal) == std::vector<std::string>{"Ga", "As", "N"});
  const auto conditions = available_conditions(
      d,
      {"pretty_formula", "elements", "formation_energy_per_atom", "band_gap", "spacegroup.number"});
  CHECK(conditions == std::vector<Condition>{{"pretty_formula", d.crystal.formula()},
                                             {"elements", "Ga, As, N"},
                                             {"formation_energy_per_atom", "-1.4042"},
                                             {"spacegroup.number", "194"}});
}

TEST_CASE("task names") {
  CHECK(crystal_task_names().size() == kNumCrystalTasks);
  CHECK(parse_crystal_task("atom_count") == CrystalTask::kAtomCount);
  CHECK(parse_crystal_task("atom name") == CrystalTask::kAtomName);
  CHECK(parse_crystal_task("formula_compute") == CrystalTask::kFormulaCompute);
  try {
    parse_crystal_task("infil");
    FAIL("no error");
  } catch (const UsageError& e) {
    CHECK(e.hint().find("nearest: infill") != std::string::npos);
  }
}

TEST_CASE("answers of all 13 tasks follow from their questions") {
  const auto d = sample();
  for (int t = 0; t < kNumCrystalTasks; ++t) {
    const auto task = static_cast<CrystalTask>(t);
    std::set<std::string> systems, answers;
    for (int i = 0; i < 40; ++i) {
      Random random(derive_key({static_cast<std::uint64_t>(t), static_cast<std::uint64_t>(i)}));
      Random again = random;
      const auto record = crystal_task_record(task, d, random);
      CHECK(crystal_task_record(task, d, again) == record);
      check_answer(task, record, d);
      systems.insert(record.system);
      answers.insert(record.answer);
    }
    CHECK(crystal_task_systems(task).size() >= 8);
    CHECK(systems.size() >= 5);  // 40 draws of 8 or 9: fewer has probability below 1e-7
    if (task == CrystalTask::kReplace) CHECK(answers == std::set<std::string>{"No", "Yes"});
    if (task == CrystalTask::kDimensionsSynt) {
      CHECK(answers == std::set<std::string>{"4.0, 6.0, 7.2", "90, 95, 120"});
    }
  }
  // conditions appear and can be absent
  std::map<bool, int> with_formula;
  for (std::uint64_t i = 0; i < 200; ++i) {
    Random random(i);
    const auto r = crystal_task_record(CrystalTask::kConditionalGeneration, d, random);
    ++with_formula[r.question.find("The elements are Ga, As, N. ") != std::string::npos];
    CHECK(r.question.find("band gap") == std::string::npos);
  }
  CHECK(with_formula[true] > 120);  // three in four
  CHECK(with_formula[false] > 25);
}

TEST_CASE("the tasks hold on built-in crystals") {
  const auto facts = read_fact_crystals(facts_folder() / "crystals.csv");
  for (std::size_t i = 0; i < facts.size(); i += 40) {
    const auto d = describe(facts[i].crystal, {{"spacegroup", facts[i].spacegroup}});
    REQUIRE(d.spacegroup_number);
    for (int t = 0; t < kNumCrystalTasks; ++t) {
      const auto task = static_cast<CrystalTask>(t);
      if (!applicable(task, d)) continue;
      Random random(derive_key({i, static_cast<std::uint64_t>(t)})), again = random;
      check_answer(task, crystal_task_record(task, d, random), d);
      // short: the crystal is rounded before anything is asked
      const auto record = crystal_task_record(task, d, again, CifForm::kShort);
      auto shown = d;
      if (record.question.find("Below is a CIF file") == 0) {
        shown.crystal = shown_cif(record);
      } else {
        auto& c = shown.crystal.cell;
        for (double* x : {&c.a, &c.b, &c.c}) *x = std::round(*x * 100) / 100;
        for (double* x : {&c.alpha, &c.beta, &c.gamma}) *x = std::round(*x * 10) / 10;
      }
      check_answer(task, record, shown);
    }
  }
}
