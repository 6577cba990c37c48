// data/facts: the tables are whole and agree with themselves.
#include <cstdlib>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "cif/elements.h"
#include "data/facts.h"
#include "data/facts_elements.h"
#include "data/facts_space_groups.h"
#include "tests/catch.h"
#include "tests/temporary_folder.h"

using namespace anneal;

TEST_CASE("built-in crystals: formula and density follow from cell and sites") {
  const auto crystals = read_fact_crystals(facts_folder() / "crystals.csv");
  CHECK(crystals.size() == 2000);
  std::set<std::string> ids;
  int density_off = 0;
  for (const auto& fact : crystals) {
    ids.insert(fact.id);
    CHECK(fact.crystal.formula() == fact.formula);
    // lengths are rounded to 1e-4 Angstrom and masses differ between tables in the fifth digit
    if (std::abs(fact.crystal.density() / fact.density_g_cm3 - 1) > 1e-3) ++density_off;
  }
  CHECK(density_off == 0);
  CHECK(ids.size() == crystals.size());
  CHECK(crystals.front().crystal.sites.size() <= crystals.back().crystal.sites.size());
}

TEST_CASE("built-in band gaps") {
  const auto gaps = read_band_gaps(facts_folder() / "band_gaps.csv");
  CHECK(gaps.size() == 4604);
  int metals = 0;
  for (const auto& gap : gaps) {
    CHECK(gap.gap_ev >= 0);
    metals += gap.gap_ev == 0;
  }
  CHECK(metals == 2450);
}

TEST_CASE("space groups: numbers, symbols, systems") {
  for (int n = 1; n <= kNumSpaceGroups; ++n) CHECK(facts_space_group_number(space_group_symbol(n)) == n);
  CHECK(facts_space_group_number("Fm-3m") == 225);
  CHECK(facts_space_group_number("P 63/m m c") == 0);  // the underscore is part of the symbol
  CHECK(facts_space_group_number("P 6_3/m m c") == 194);
  CHECK(facts_space_group_number("Cmca") == 64);
  CHECK(facts_space_group_number("nonsense") == 0);
  CHECK(facts_crystal_system(225) == "cubic");
  CHECK(facts_crystal_system(14) == "monoclinic");
  CHECK(facts_crystal_system(166) == "trigonal");
  CHECK(space_group_symbol(0).empty());
}

TEST_CASE("names and families of the elements") {
  CHECK(element_name(26) == "iron");
  CHECK(element_name(118) == "oganesson");
  CHECK(element_name(119).empty());
  CHECK(element_family(atomic_number("Na")) == "alkali metal");
  CHECK(element_family(atomic_number("Ce")) == "lanthanide");
  CHECK(element_family(atomic_number("O")) == "nonmetal");
  CHECK(anion_name(atomic_number("S")) == "sulfide");
}

TEST_CASE("damaged tables of facts give file and line") {
  testing::TemporaryFolder folder;
  const auto file = folder / "crystals.csv";
  const std::string header = "# c\nid,formula,spacegroup,density,lengths,angles,sites\n";
  const auto fails = [&](const std::string& text, const std::string& part) {
    write_file_atomic(file, text);
    try {
      read_fact_crystals(file);
      FAIL("no error for " << text);
    } catch (const DataError& e) {
      INFO(e.what());
      CHECK(std::string(e.what()).find(part) != std::string::npos);
    }
  };
  fails("", "empty");
  fails("id,formula\n", ":1: columns");
  fails(header + "mp-2,Pd,Fm-3m,11.8,2.7 2.7 2.7,60 60 60\n", ":3: 7 fields");
  fails(header + "mp-2,Pd,Fm-9m,11.8,2.7 2.7 2.7,60 60 60,Pd 0 0 0\n", "space group");
  fails(header + "mp-2,Pd,Fm-3m,11.8,2.7 2.7,60 60 60,Pd 0 0 0\n", "three numbers");
  fails(header + "mp-2,Pd,Fm-3m,11.8,2.7 2.7 2.7,60 60 160,Pd 0 0 0\n", "no cell");
  fails(header + "mp-2,Pd,Fm-3m,11.8,2.7 2.7 2.7,60 60 60,Xx 0 0 0\n", "not an element");
  fails(header + "mp-2,Pd,Fm-3m,11.8,2.7 2.7 2.7,60 60 60,Pd 0 0\n", "site 1");
  write_file_atomic(file, header);
  CHECK(read_fact_crystals(file).empty());

  ::setenv("ANNEAL_FACTS_DIR", (folder / "nowhere").c_str(), 1);
  CHECK_THROWS_AS(facts_folder(), DataError);
  ::setenv("ANNEAL_FACTS_DIR", folder.path().c_str(), 1);
  CHECK(facts_folder() == folder.path());
  ::unsetenv("ANNEAL_FACTS_DIR");
}
