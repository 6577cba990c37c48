// Space groups, standard cells and symmetrised CIFs, against pymatgen (tests/cif/reference).
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/files.h"
#include "cif/cif_file.h"
#include "cif/csv.h"
#include "cif/match/matcher.h"
#include "cif/symmetry/standard_cell.h"
#include "cif/symmetry/symmetrized_cif.h"
#include "tests/catch.h"
#include "tests/sample_step.h"
#include "tests/source_folder.h"
#include "tests/temporary_folder.h"

using namespace anneal;

namespace {

const std::string kReference = anneal::testing::source_folder() / "tests/cif/reference/";

std::vector<Crystal> crystals_of(const std::filesystem::path& csv,
                                 std::vector<std::string>* groups = nullptr) {
  CsvReader reader(csv);
  std::vector<Crystal> crystals;
  for (std::vector<std::string> row; reader.next(row);) {
    crystals.push_back(*read_cif(row[reader.column("cif")]).crystal);
    if (groups != nullptr) groups->push_back(row[reader.column("spacegroup")]);
  }
  return crystals;
}

/// Whether the sites are the same set, to `tolerance` in every coordinate.
bool same_sites(const Crystal& one, const Crystal& other, double tolerance) {
  if (one.sites.size() != other.sites.size()) return false;
  const auto near = [&](double u, double v) {
    return std::abs(u - v - std::nearbyint(u - v)) < tolerance;
  };
  std::vector<bool> taken(other.sites.size());
  for (const Site& site : one.sites) {
    bool found = false;
    for (std::size_t j = 0; j < other.sites.size() && !found; ++j) {
      const Site& s = other.sites[j];
      if (taken[j] || s.atomic_number != site.atomic_number) continue;
      found = near(s.position.x, site.position.x) && near(s.position.y, site.position.y) &&
              near(s.position.z, site.position.z);
      if (found) taken[j] = true;
    }
    if (!found) return false;
  }
  return true;
}

bool same_cell(const UnitCell& cell, const nlohmann::json& expected, double tolerance) {
  const double found[] = {cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma};
  for (int k = 0; k < 6; ++k) {
    if (std::abs(found[k] - expected[k].get<double>()) > tolerance) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("space groups agree with the databases and with pymatgen's analyser on 99 percent") {
  const auto data = testing::shared_data();
  if (!data) {
    WARN("skipped: ../shared/data is not there");
    return;
  }
  std::istringstream lines(read_file(kReference + "space_groups.txt"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream numbers(line);
    std::string set;
    numbers >> set;
    INFO(set);
    std::vector<std::string> stated;
    const auto crystals = crystals_of(*data / "cif" / (set + ".csv"), &stated);
    std::size_t looked_at = 0, as_analyser = 0, as_column = 0, with_column = 0;
    for (std::size_t i = 0; i < crystals.size(); ++i) {
      int expected = -1;
      numbers >> expected;
      if (i % testing::sample_step(5) != 0) continue;
      ++looked_at;
      const auto group = find_space_group(crystals[i]);
      as_analyser += (group ? group->number : 0) == expected;
      if (stated[i] == "unknown") continue;
      ++with_column;
      as_column += group && group->symbol == stated[i];
    }
    CHECK(crystals.size() > 2400);
    CHECK(as_analyser >= 0.99 * looked_at);
    CHECK(as_column >= 0.99 * with_column);
    CHECK(with_column == (set == "mp" ? looked_at : 0));
  }
}

TEST_CASE("conventional, primitive and Niggli cells are pymatgen's") {
  const auto data = testing::shared_data();
  if (!data) {
    WARN("skipped: ../shared/data is not there");
    return;
  }
  std::map<std::string, std::vector<Crystal>> sets;
  const char* other = std::getenv("ANNEAL_TEST_CELLS");
  std::istringstream lines(read_file(other != nullptr ? other : kReference + "standard_cells.jsonl"));
  int cells = 0, conventional = 0, primitive = 0, niggli = 0;
  for (std::string line; std::getline(lines, line); ++cells) {
    const auto row = nlohmann::json::parse(line);
    const std::string set = row["set"];
    if (sets[set].empty()) sets[set] = crystals_of(*data / "cif" / (set + ".csv"));
    const Crystal& crystal = sets[set][row["index"].get<std::size_t>()];
    const auto group = find_space_group(crystal);
    REQUIRE(group);
    CHECK(group->equivalent.size() == crystal.sites.size());
    conventional += same_cell(group->conventional.cell, row["conventional"], 2e-4) &&
                    group->conventional.sites.size() == row["conventional"][6].get<std::size_t>();
    // pymatgen's find_primitive ends with a Niggli reduction
    const auto primitive_one = primitive_cell(crystal);
    REQUIRE(primitive_one);
    const auto smaller = niggli_cell(*primitive_one);
    primitive += smaller && same_cell(smaller->cell, row["primitive"], 2e-4) &&
                 smaller->sites.size() == row["primitive"][6].get<std::size_t>();
    if (other != nullptr && smaller && !same_cell(smaller->cell, row["primitive"], 2e-4)) {
      const UnitCell& c = smaller->cell;
      std::printf("primitive cell of %s %s: %.5f %.5f %.5f %.4f %.4f %.4f, %zu sites; there %s\n", set.c_str(), row["index"].dump().c_str(),
                  c.a, c.b, c.c, c.alpha, c.beta, c.gamma, smaller->sites.size(), row["primitive"].dump().c_str());
    }
    const auto reduced = niggli_cell(crystal);
    niggli += reduced && same_cell(reduced->cell, row["niggli"], 2e-4);
  }
  if (other != nullptr) {
    std::printf("%d crystals; the same conventional cell %d, primitive %d, Niggli %d\n", cells, conventional, primitive, niggli);
  }
  CHECK(cells > 80);
  // spglib 2.0 and the 2.8 of the reference differ where a cell is ambiguous within the tolerance
  CHECK(conventional >= 0.97 * cells);
  CHECK(primitive >= 0.97 * cells);
  CHECK(niggli >= 0.97 * cells);
}

TEST_CASE("symmetrised CIFs are read back as the conventional cell") {
  const auto data = testing::shared_data();
  if (!data) {
    WARN("skipped: ../shared/data is not there");
    return;
  }
  const auto crystals = crystals_of(*data / "cif/mp.csv");
  int written = 0, same = 0, matching = 0;
  for (std::size_t i = 0; i < crystals.size(); i += 7) {
    const auto group = find_space_group(crystals[i]);
    REQUIRE(group);
    const std::string text = write_symmetrized_cif(*group, "x");
    const auto read = read_cif(text);
    INFO(text);
    REQUIRE(read.crystal);
    ++written;
    same += same_sites(*read.crystal, group->conventional, 2e-8);
    CHECK(read.crystal->sites.size() == group->conventional.sites.size());
    if (crystals[i].sites.size() <= 40) {
      // the symmetrised crystal is the given one, within the tolerance
      matching +=
          same_structure(reduce_for_matching(*read.crystal), reduce_for_matching(crystals[i]));
    } else {
      ++matching;
    }
  }
  CHECK(written > 350);
  CHECK(same == written);
  CHECK(matching == written);
}

TEST_CASE("names and operations of space groups") {
  CHECK(space_group_number("P 63/m m c") == 194);
  CHECK(space_group_number("P6_3/mmc") == 194);
  CHECK(space_group_number("'P 1'") == 1);
  CHECK(space_group_number("R-3m:H") == 166);
  CHECK(space_group_number("Fd-3mS") == 227);
  CHECK(space_group_number("nonsense") == 0);
  CHECK(space_group_number("") == 0);
  CHECK(crystal_system(1) == "triclinic");
  CHECK(crystal_system(194) == "hexagonal");
  CHECK(crystal_system(195) == "cubic");
  CHECK(symmetry_operations(1).size() == 1);
  CHECK(symmetry_operations(523).size() == 192);  // F m -3 m
  for (int hall = 1; hall <= 530; ++hall) {
    const auto first = symmetry_operations(hall).at(0);
    CHECK(first.rotation == std::array<std::array<int, 3>, 3>{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}});
  }
}

TEST_CASE("crystals without a space group are told from those with one") {
  const Crystal coinciding{{4, 4, 4, 90, 90, 90}, {{26, {0, 0, 0}}, {26, {0, 0, 1e-6}}}};
  CHECK_FALSE(find_space_group(coinciding));
  Crystal large{{40, 40, 40, 90, 90, 90}, {}};
  for (int i = 0; i < 2000; ++i)
    large.sites.push_back({26, {i % 13 / 13.0, i / 13 % 13 / 13.0, i / 169 / 12.0}});
  CHECK_FALSE(find_space_group(large));
  CHECK_FALSE(find_space_group(Crystal{}));
}
