// Convex hulls and MP2020 corrections against pymatgen 2026.10.24: references stored by
// reference/make_hull_references.py. Energies are sums of a few numbers of size 10, so doubles agree
// to 1e-9; the reference's own hull (qhull) is exact to about 1e-10.
#include <nlohmann/json.hpp>

#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "cif/csv.h"
#include "cif/elements.h"
#include "cif/match/lattice.h"
#include "cif/stability/anion_types.h"
#include "cif/stability/hull.h"
#include "cif/stability/hull_sources.h"
#include "cif/stability/mp2020.h"
#include "tests/catch.h"
#include "tests/source_folder.h"
#include "tests/temporary_folder.h"

using namespace anneal;
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {
const fs::path kReference = anneal::testing::source_folder() / "tests/stability/reference";
}

TEST_CASE("the hull of 492 Li-Fe-O entries is pymatgen's") {
  const auto data = testing::shared_data();
  if (!data) {
    WARN("skipped: ../shared/data is not there");
    return;
  }
  const auto read = read_phase_entries(*data / "hull/pd_entries_test.csv");
  CHECK(read.report.read == 492);
  CHECK(read.report.corrected == 0);
  const ConvexHull hull(read.entries);
  CHECK(hull.num_elements() == 3);
  CsvReader reference(kReference / "pd_entries_hull.csv");
  std::vector<std::string> row;
  int checked = 0, stable = 0;
  while (reference.next(row)) {
    INFO(row[0]);
    const auto amounts = read_formula(row[0]);
    REQUIRE(amounts);
    const double energy = row[1].empty() ? 0 : std::stod(row[1]);
    const auto above = hull.energy_above_hull(*amounts, energy);
    REQUIRE(above);
    CHECK(*above == Approx(std::stod(row[3])).margin(1e-9));
    if (!row[2].empty()) CHECK(*hull.formation_energy(*amounts, energy) == Approx(std::stod(row[2])).margin(1e-9));
    const auto mixture = hull.decompose(*amounts);
    double sum = 0;
    std::map<int, double> put_together;
    for (const auto& part : mixture->parts) {
      sum += part.fraction;
      for (const auto& [z, amount] : part.entry->amounts) {
        put_together[z] += part.fraction * amount / part.entry->atoms();
      }
    }
    CHECK(sum == Approx(1).margin(1e-9));
    double atoms = 0;
    for (const auto& [z, amount] : *amounts) atoms += amount;
    for (const auto& [z, amount] : *amounts) CHECK(put_together[z] == Approx(amount / atoms).margin(1e-9));
    if (!row[4].empty()) CHECK(mixture->parts.size() == std::stoul(row[4]));
    ++checked;
    stable += !row[1].empty() && *above < 1e-9;
  }
  CHECK(checked > 580);
  CHECK(stable > 5);
}

TEST_CASE("a hull of seven elements is pymatgen's") {
  const auto path = kReference / "seven_elements.json";
  const auto json = Json::parse(read_file(path));
  const auto read = read_phase_entries(path);  // an object with a list "entries"
  REQUIRE(read.entries.size() == json["entries"].size());
  const ConvexHull hull(read.entries);
  for (std::size_t i = 0; i < read.entries.size(); ++i) {
    const auto& entry = read.entries[i];
    CHECK(*hull.energy_above_hull(entry.amounts, entry.energy_per_atom()) ==
          Approx(json["e_above_hull"][i].get<double>()).margin(1e-9));
  }
  for (const auto& asked : json["asked"]) {
    CHECK(hull.decompose(*read_formula(asked["formula"].get<std::string>()))->energy_per_atom ==
          Approx(asked["hull_energy_per_atom"].get<double>()).margin(1e-9));
  }
}

TEST_CASE("a hull without an element's reference says so") {
  const ConvexHull hull({{"Fe", {{26, 1}}, -8.0}, {"FeO", {{8, 1}, {26, 1}}, -13.0}});
  CHECK_FALSE(hull.decompose({{8, 1}, {26, 1}}));
  CHECK(hull.missing_elements({{8, 1}, {26, 1}}) == "O");
  CHECK(hull.energy_above_hull({{26, 2}}, -7.5) == Approx(.5));
}

TEST_CASE("MP2020 corrections are pymatgen's, and what it discards is left out") {
  std::ifstream file(kReference / "mp2020_entries.jsonl");
  if (const char* other = std::getenv("ANNEAL_TEST_MP2020")) file = std::ifstream(other);
  testing::TemporaryFolder folder;
  std::string line;
  std::vector<Json> wanted;
  std::ofstream entries(folder / "entries.jsonl");
  while (std::getline(file, line)) {
    wanted.push_back(Json::parse(line));
    entries << wanted.back()["entry"].dump() << '\n';
  }
  entries.close();
  REQUIRE(wanted.size() >= 300);
  const auto read = read_phase_entries(folder / "entries.jsonl");
  std::map<std::string, const PhaseEntry*> by_id;
  for (const auto& entry : read.entries) by_id[entry.id] = &entry;
  std::size_t kept = 0, changed = 0;
  for (const auto& one : wanted) {
    INFO(one.dump());
    const auto found = by_id.find(one["entry"]["entry_id"].get<std::string>());
    if (one["corrected"].is_null()) {
      CHECK(found == by_id.end());
      continue;
    }
    REQUIRE(found != by_id.end());
    CHECK(found->second->energy_ev == Approx(one["corrected"].get<double>()).margin(1e-9));
    ++kept;
    changed += one["corrected"] != one["entry"]["energy"];
  }
  CHECK(read.entries.size() == kept);
  CHECK(read.report.left_out.size() == wanted.size() - kept);
  CHECK(kept > 200);
  CHECK(changed > 150);
}

TEST_CASE("kinds of oxides and sulfides are told from structures as pymatgen tells them") {
  std::ifstream file(kReference / "anion_types.jsonl");
  testing::TemporaryFolder folder;
  std::map<std::string, int> kinds;
  int number = 0, corrected = 0;
  for (std::string line; std::getline(file, line); ++number) {
    const auto json = Json::parse(line);
    // through the reader: an entry that brings this structure against one that says its types
    Json entry = {{"entry_id", "x"}, {"energy", -10.0}, {"parameters", {{"run_type", "GGA"}}}, {"data", Json::object()}};
    Json composition = Json::object();
    for (const auto& site : json["structure"]["sites"]) {
      const auto symbol = site["species"][0]["element"].get<std::string>();
      composition[symbol] = composition.value(symbol, 0) + 1;
    }
    entry["composition"] = composition;
    Json told = entry;
    entry["structure"] = json["structure"];
    for (const char* name : {"oxide_type", "sulfide_type"}) {
      if (json[name].is_null()) continue;
      told["data"][name] = json[name];
      ++kinds[json[name].get<std::string>()];
    }
    const auto energy = [&](const Json& one) {
      std::ofstream(folder / "entry.json") << Json::array({one}).dump();
      const auto read = read_phase_entries(folder / "entry.json");
      return read.entries.size() == 1 ? read.entries[0].energy_ev : NAN;
    };
    INFO(number << " " << line);
    CellMatrix lattice;
    for (int i = 0; i < 9; ++i) lattice[i / 3][i % 3] = json["structure"]["lattice"]["matrix"][i / 3][i % 3];
    Crystal crystal{cell_of(lattice), {}};
    for (const auto& site : json["structure"]["sites"]) {
      crystal.sites.push_back({atomic_number(site["species"][0]["element"].get<std::string>()),
                               {site["abc"][0], site["abc"][1], site["abc"][2]}});
    }
    if (!json["oxide_type"].is_null()) CHECK(oxide_type_of(crystal) == json["oxide_type"]);
    if (!json["sulfide_type"].is_null()) CHECK(sulfide_type_of(crystal) == json["sulfide_type"]);
    // a metal that needs a U is left out either way
    const double from_structure = energy(entry), from_data = energy(told);
    CHECK(std::isnan(from_structure) == std::isnan(from_data));
    if (!std::isnan(from_data)) CHECK(from_structure == Approx(from_data).margin(1e-12));
    corrected += !std::isnan(from_data);
  }
  CHECK(number > 70);
  CHECK(corrected > 40);
  for (const char* kind : {"oxide", "peroxide", "superoxide", "ozonide", "hydroxide", "sulfide", "polysulfide", "sulfate"}) {
    INFO(kind);
    CHECK(kinds[kind] > 0);
  }
  std::ofstream(folder / "disordered.json")
      << R"([{"entry_id": "x", "energy": -1, "composition": {"Na": 1, "S": 1}, "parameters": {"run_type": "GGA"},
              "structure": {"lattice": {"matrix": [[3,0,0],[0,3,0],[0,0,3]]}, "sites": [
                {"species": [{"element": "S", "occu": 0.5}], "abc": [0,0,0]}]}}])";
  const auto read = read_phase_entries(folder / "disordered.json");
  CHECK(read.entries.empty());
  REQUIRE(read.report.left_out.size() == 1);
  CHECK(read.report.left_out[0].find("disordered") != std::string::npos);
}

TEST_CASE("adjustments by temperature, and numbers that JSON does not have, are read") {
  testing::TemporaryFolder folder;
  std::ofstream(folder / "a.json") << R"([{"entry_id": "NaN", "energy": -10, "composition": {"Na": 1, "Cl": 1},
    "energy_adjustments": [
      {"adj_per_deg": -0.001, "temp": 300, "n_atoms": 2, "uncertainty_per_deg": NaN},
      {"value": -0.25, "uncertainty": -Infinity}]}])";
  const auto read = read_phase_entries(folder / "a.json");
  REQUIRE(read.entries.size() == 1);
  CHECK(read.entries[0].id == "NaN");
  CHECK(read.entries[0].energy_ev == Approx(-10.85));
}

TEST_CASE("a hull of elements alone says what its energies mean") {
  HullSources hull;
  hull.entries = {{"Na", {{11, 1}}, -1.3}, {"Cl", {{17, 1}}, -1.8}};
  REQUIRE(hull.warnings().size() == 1);
  CHECK(hull.warnings()[0].find("formation energies") != std::string::npos);
  hull.entries.push_back({"NaCl", {{11, 1}, {17, 1}}, -6.8});
  CHECK(hull.warnings().empty());
}

TEST_CASE("elemental references of the Materials Project need no corrections") {
  const auto data = testing::shared_data();
  if (!data) {
    WARN("skipped: ../shared/data is not there");
    return;
  }
  const auto read = read_phase_entries(*data / "hull/mp_elemental_reference_entries.json");
  CHECK(read.report.read == 89);
  CHECK(read.report.corrected == 0);
  CHECK(read.report.left_out.empty());
  const ConvexHull hull(read.entries);
  CHECK(hull.num_elements() == 89);
  CHECK(*hull.energy_above_hull({{8, 2}}, -39.57350969 / 8) == Approx(0).margin(1e-12));
}

TEST_CASE("formulae are read, and what is none is told") {
  CHECK(read_formula("Fe2(SO4)3") == Amounts{{8, 12}, {16, 3}, {26, 2}});
  CHECK(read_formula("Li0.5CoO2") == Amounts{{3, .5}, {8, 2}, {27, 1}});
  CHECK(read_formula("Ca1 Ti1 O3") == Amounts{{8, 3}, {20, 1}, {22, 1}});
  for (const char* bad : {"", "Xx2", "Fe(O", "Fe)O", "fe2", "Fe2O3?", "Fe0", "((((((((((Fe))))))))))"}) {
    INFO(bad);
    CHECK_FALSE(read_formula(bad));
  }
}

TEST_CASE("an energy an atom goes before one of a cell") {
  testing::TemporaryFolder folder;
  write_file_atomic(folder / "a.csv", "id,pretty_formula,energy,energy_per_atom\nmp-3,NaCl,-27.2,-3.4\n");
  const auto read = read_phase_entries(folder / "a.csv");
  REQUIRE(read.entries.size() == 1);
  CHECK(read.entries[0].energy_per_atom() == Approx(-3.4));
}

TEST_CASE("sulfur without its type, in an entry whose structure cannot be read, is left out") {
  testing::TemporaryFolder folder;
  const std::string start = R"({"energy": -40, "entry_id": "s", "composition": {"K": 2, "S": 1, "O": 4}, )"
                            R"("parameters": {"run_type": "GGA", "hubbards": {}}, "data": {)";
  write_file_atomic(folder / "a.jsonl", start + R"(}, "structure": {}})" + "\n" + start + R"(}})" + "\n" + start +
                                            R"("sulfide_type": "sulfate", "oxide_type": "oxide"}, "structure": {}})" + "\n");
  const auto read = read_phase_entries(folder / "a.jsonl");
  CHECK(read.entries.size() == 2);
  REQUIRE(read.report.left_out.size() == 1);
  CHECK(read.report.left_out[0].find("sulfide_type") != std::string::npos);
}

TEST_CASE("damaged entries are told with file and line") {
  testing::TemporaryFolder folder;
  const auto fails = [&](const std::string& name, const std::string& text, const std::string& told) {
    write_file_atomic(folder / name, text);
    INFO(text);
    try {
      read_phase_entries(folder / name);
      FAIL("no error");
    } catch (const DataError& error) {
      CHECK(std::string(error.what()).find(told) != std::string::npos);
    }
  };
  fails("a.csv", "Name,Fe,Final energy\nFe,1,nan\n", "a.csv:2");
  fails("a.csv", "Name,Fe,Final energy\nFe,-1,-8\n", "amount -1");
  fails("a.csv", "Name,Fe,Final energy\nFe,1\n", "2 fields instead of 3");
  fails("a.csv", "Name,Fe\nFe,1\n", "energy");
  fails("a.csv", "Name,Final energy\nFe,1\n", "formula");
  fails("a.csv", "formula,energy\nFeQ,1\n", "FeQ");
  fails("a.csv", "formula,energy\n", "holds no entry");
  fails("a.csv", "pretty_formula,energy\nNaCl,-27.2\n", "pretty_formula");
  fails("a.json", "[{\"energy\": 1}", "not JSON");
  fails("a.json", "[{\"energy\": 1}]", "\"energy\" is no entry");
  fails("a.json", "{\"x\": 5}", "\"x\" is no entry");
  fails("a.json", "{\"energy\": null, \"composition\": {\"Fe\": 1}}", "no energy");
  fails("a.json", "{\"energy\": -1, \"composition\": {\"Foo\": 1}}", "Foo");
  fails("a.json", "{\"energy\": -1, \"composition\": {}}", "empty composition");
  fails("a.json", "[]", "holds no entry");
}

TEST_CASE("what fuzzing found: a number beyond all doubles in a file of entries is bad data") {
  const testing::TemporaryFolder folder;
  std::ofstream(folder / "entries.json") << "[{\"composition\": {\"Fe\": 1}, \"energy\": 2e308}]";
  CHECK_THROWS_AS(read_phase_entries(folder / "entries.json"), DataError);
}
