// Structure matching against pymatgen's StructureMatcher, and uniqueness by it.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <sstream>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/random.h"
#include "cif/cif_file.h"
#include "cif/crystal_string.h"
#include "cif/crystal_table.h"
#include "cif/csv.h"
#include "cif/match/assignment.h"
#include "cif/match/match_table.h"
#include "cif/match/unique.h"
#include "tests/catch.h"
#include "tests/source_folder.h"
#include "tests/temporary_folder.h"

using namespace anneal;
using anneal::testing::TemporaryFolder;

namespace {

const std::string kReference = anneal::testing::source_folder() / "tests/cif/reference/";

Crystal crystal(const std::string& text) {
  const auto parsed = parse_crystal_string(text);
  REQUIRE(parsed.crystal);
  return *parsed.crystal;
}

const char* const kRockSalt =
    "5.64 5.64 5.64\n90 90 90\nNa\n0 0 0\nNa\n0 0.5 0.5\nNa\n0.5 0 0.5\nNa\n0.5 0.5 0\n"
    "Cl\n0.5 0.5 0.5\nCl\n0.5 0 0\nCl\n0 0.5 0\nCl\n0 0 0.5";
const char* const kCaesiumType = "3.5 3.5 3.5\n90 90 90\nNa\n0 0 0\nCl\n0.5 0.5 0.5";

std::string file_with(const TemporaryFolder& folder, const std::string& text) {
  const auto path = folder.path() / "pairs.csv";
  std::ofstream(path) << text;
  return path.string();
}

}  // namespace

TEST_CASE("matches and rms equal pymatgen's on stored pairs") {
  // made by benchmarks/cif/make_match_pairs.py; the same arithmetic, hence 1e-8
  CsvReader reader(kReference + "match_pairs.csv");
  const auto a = reader.column("cif_a"), b = reader.column("cif_b"), fit = reader.column("fit"),
             rms = reader.column("rms");
  std::vector<std::string> row;
  int pairs = 0, matches = 0;
  while (reader.next(row)) {
    const auto one = reduce_for_matching(crystal(row[a])),
               other = reduce_for_matching(crystal(row[b]));
    const auto result = match_crystals(one, other);
    INFO("pair " << pairs << "\n" << row[a] << "\n\n" << row[b]);
    CHECK(result.match == (row[fit] == "1"));
    CHECK(same_structure(one, other) == result.match);
    CHECK(result.rms.has_value() == !row[rms].empty());
    if (result.rms && !row[rms].empty()) {
      CHECK(*result.rms == Approx(std::stod(row[rms])).margin(1e-8));
    }
    ++pairs;
    matches += result.match;
  }
  CHECK(pairs == 110);
  CHECK(matches > 50);
  CHECK(matches < 100);
}

TEST_CASE("groups of carbon allotropes equal pymatgen's") {
  const auto data = anneal::testing::shared_data();
  if (!data) {
    WARN("skipped: ../shared/data is missing");
    return;
  }
  CsvReader expected(kReference + "carbon_groups.csv");
  CrystalReader reader(*data / "cif" / "carbon_24_val.csv");
  std::vector<Crystal> crystals;
  std::vector<std::size_t> firsts;
  std::vector<std::string> row;
  while (expected.next(row)) {
    firsts.push_back(std::stoul(row[0]));
    crystals.push_back(*reader.next()->parsed.crystal);
  }
  REQUIRE(firsts.size() == 150);
  const auto reduced = reduce_all(crystals, 1);
  CHECK(structure_groups(reduced, {}, 1) == firsts);
  CHECK(structure_groups(reduced, {}, 2) == firsts);
}

TEST_CASE("cells are reduced to primitive Niggli cells") {
  const auto salt = reduce_for_matching(crystal(kRockSalt));
  CHECK(salt.size() == 2);
  const UnitCell cell = cell_of(salt.lattice);
  for (const double x : {cell.a, cell.b, cell.c}) CHECK(x == Approx(5.64 / std::sqrt(2)));
  for (const double x : {cell.alpha, cell.beta, cell.gamma}) CHECK(x == Approx(60));
  // a very skewed choice of vectors of a cubic lattice
  const CellMatrix skewed = {{{3, 0, 0}, {3 * 17, 3, 0}, {-3 * 41, 3 * 29, 3}}};
  const UnitCell cube = cell_of(niggli_reduced(skewed));
  for (const double x : {cube.a, cube.b, cube.c}) CHECK(x == Approx(3));
  for (const double x : {cube.alpha, cube.beta, cube.gamma}) CHECK(x == Approx(90));
}

TEST_CASE("linear assignment equals trying all permutations") {
  Random random(name_key("assignment"));
  for (int round = 0; round < 300; ++round) {
    const int n = 1 + round % 6;
    std::vector<double> costs(n * n);
    for (double& x : costs) x = round % 3 == 0 ? std::floor(random.uniform() * 4) : random.uniform();
    if (round % 5 == 0) costs[round % costs.size()] = 1e20;
    std::vector<int> order(n);
    std::iota(order.begin(), order.end(), 0);
    double least = 1e300;
    do {
      double sum = 0;
      for (int i = 0; i < n; ++i) sum += costs[i * n + order[i]];
      least = std::min(least, sum);
    } while (std::next_permutation(order.begin(), order.end()));
    const auto found = linear_assignment(costs, n);
    double sum = 0;
    for (int i = 0; i < n; ++i) sum += costs[i * n + found[i]];
    CHECK(sum == Approx(least).margin(1e-12));
    std::vector<int> sorted = found;
    std::sort(sorted.begin(), sorted.end());
    std::iota(order.begin(), order.end(), 0);
    CHECK(sorted == order);
  }
}

TEST_CASE("a table of pairs: matches, misses, faults") {
  const TemporaryFolder folder;
  std::string cif = write_cif(crystal(kRockSalt));
  std::string text = "name,cif_a,cif_b\nsame,\"" + std::string(kRockSalt) + "\",\"" + cif + "\"\n";
  text += "other,\"" + std::string(kRockSalt) + "\",\"" + kCaesiumType + "\"\n";
  text += "fault,\"" + std::string(kRockSalt) + "\",nonsense\n";
  text += "short\n";
  const auto path = file_with(folder, text);
  MatchTableOptions options;
  options.log = Log(false);
  options.threads = 1;
  const auto summary = match_table(path, folder.path() / "one", options);
  CHECK(summary.total == 4);
  CHECK(summary.matches == 1);
  CHECK(summary.unreadable == 2);
  options.threads = 2;
  match_table(path, folder.path() / "two", options);
  const auto lines = read_file(folder.path() / "one" / "matches.jsonl");
  CHECK(lines == read_file(folder.path() / "two" / "matches.jsonl"));
  std::istringstream stream(lines);
  std::string line;
  std::vector<nlohmann::json> rows;
  while (std::getline(stream, line)) rows.push_back(nlohmann::json::parse(line));
  REQUIRE(rows.size() == 4);
  CHECK(rows[0]["index"] == 0);
  CHECK(rows[0]["match"] == true);
  CHECK(rows[0]["rms"].get<double>() < 1e-8);
  CHECK(rows[1]["match"] == false);
  CHECK(rows[1]["rms"].is_null());
  CHECK(rows[1]["reason"] == "");
  CHECK(rows[2]["reason"].get<std::string>().find("cif_b: ") == 0);
  CHECK(rows[3]["reason"].get<std::string>().find("cif_a: empty") == 0);
  const auto json = nlohmann::json::parse(read_file(folder.path() / "one" / "summary.json"));
  CHECK(json["match_rate"] == 0.25);

  CHECK_THROWS_AS(match_table(file_with(folder, "cif_a,cif\n1,2\n"), folder.path(), options),
                  DataError);
  CHECK_THROWS_AS(match_table(file_with(folder, "cif_a,cif_b\n"), folder.path(), options),
                  DataError);
}

TEST_CASE("uniqueness and novelty: supercells and shifts are known, other structures are not") {
  const Crystal salt = crystal(kRockSalt), caesium = crystal(kCaesiumType);
  Crystal moved = salt;
  for (auto& site : moved.sites) site.position.x += 0.137;
  Crystal doubled = salt;
  doubled.cell.c *= 2;
  for (auto& site : doubled.sites) site.position.z /= 2;
  for (const auto& site : salt.sites) {
    doubled.sites.push_back(
        {site.atomic_number, {site.position.x, site.position.y, site.position.z / 2 + 0.5}});
  }
  const std::vector<Crystal> crystals = {salt, caesium, moved, doubled, caesium};
  const auto set = reduce_all(crystals, 2);
  CHECK(structure_groups(set) == std::vector<std::size_t>{0, 1, 0, 0, 1});
  const std::vector<ReducedCrystal> reference = {set[3]};
  const auto found = find_structures(set, reference);
  CHECK(found[0] == 0u);
  CHECK_FALSE(found[1]);
  CHECK(found[2] == 0u);
}

TEST_CASE("absurd crystals are compared in bounded time") {
  // needle, flat cell, all sites at one place, many sites
  const auto needle = reduce_for_matching(crystal("0.001 0.001 900\n90 90 90\nC\n0 0 0\nO\n0 0 0.5"));
  CHECK_FALSE(match_crystals(needle, needle).rms);  // too many lattice vectors: no answer is a no
  const auto flat = reduce_for_matching(crystal("5 5 5\n60 60 119.9\nC\n0 0 0\nC\n0.1 0.2 0.3"));
  match_crystals(flat, flat);
  Crystal heap = crystal("3 3 3\n90 90 90\nC\n0.5 0.5 0.5");
  heap.sites.resize(300, heap.sites[0]);
  const auto reduced = reduce_for_matching(heap);
  CHECK(same_structure(reduced, reduced));
  heap.sites.resize(kMaxMatchSites + 1, heap.sites[0]);
  const std::vector<Crystal> large = {heap, heap};
  const auto set = reduce_all(large, 1);
  CHECK(set[0].too_large);
  CHECK_FALSE(same_structure(set[0], set[1]));
  CHECK(structure_groups(set) == std::vector<std::size_t>{0, 1});
}
