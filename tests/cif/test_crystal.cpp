// Elements, cells, formulae, densities and the crystal string.
#include <cmath>

#include "cif/crystal.h"
#include "cif/crystal_string.h"
#include "cif/elements.h"
#include "tests/catch.h"

using namespace anneal;

namespace {
Composition atoms(std::initializer_list<std::pair<const char*, int>> terms) {
  Composition result;
  for (const auto& [name, count] : terms) result[atomic_number(name)] += count;
  return result;
}
RejectReason reason_of(std::string_view text) { return parse_crystal_string(text).reason; }
}  // namespace

TEST_CASE("elements are found by their exact symbols") {
  CHECK(atomic_number("H") == 1);
  CHECK(atomic_number("Fe") == 26);
  CHECK(atomic_number("Og") == 118);
  CHECK(atomic_number("D") == 1);
  CHECK(atomic_number("T") == 1);
  for (const char* wrong : {"", "fe", "FE", "Xx", "Fee", "F ", "A", "the", "\xC3\xA9", "1"}) {
    CHECK(atomic_number(wrong) == 0);
  }
  for (int z = 1; z <= kMaxAtomicNumber; ++z) {
    CHECK(atomic_number(symbol(z)) == z);
    CHECK(element(z).mass_u > 0);
    for (const int state : element(z).oxidation_states())
      CHECK((state != 0 && std::abs(state) <= 8));
  }
  int metals = 0;
  for (int z = 1; z <= kMaxAtomicNumber; ++z) metals += element(z).smact_metal;
  CHECK(metals == 79);  // len(smact.metals) of 2.2.1
  CHECK_THROWS_AS(element(0), std::out_of_range);
  CHECK_THROWS_AS(element(119), std::out_of_range);
}

TEST_CASE("cells have volumes and matrices") {
  const UnitCell cube{4, 4, 4, 90, 90, 90};
  CHECK(cube.volume() == Approx(64));
  const UnitCell skewed{3, 4, 5, 70, 95, 110};
  const auto m = skewed.matrix();
  const auto length = [&](int i) { return std::hypot(m[i][0], m[i][1], m[i][2]); };
  const auto angle = [&](int i, int j) {
    const double d = m[i][0] * m[j][0] + m[i][1] * m[j][1] + m[i][2] * m[j][2];
    return std::acos(d / length(i) / length(j)) * 180 / M_PI;
  };
  CHECK(length(0) == Approx(3));
  CHECK(length(1) == Approx(4));
  CHECK(length(2) == Approx(5));
  CHECK(angle(1, 2) == Approx(70));
  CHECK(angle(0, 2) == Approx(95));
  CHECK(angle(0, 1) == Approx(110));
  CHECK_FALSE(UnitCell{3, 3, 3, 120, 120, 120}.possible());
  CHECK_FALSE(UnitCell{3, 3, 3, 30, 30, 61}.possible());
  CHECK(UnitCell{3, 3, 3, 1, 1, 1}.possible());
  CHECK(UnitCell{3, 3, 3, 179, 179, 1}.possible());
}

TEST_CASE("formulae are ordered as pymatgen's reduced_formula") {
  // checked with pymatgen 2026.10.24
  CHECK(formula(atoms({{"O", 4}, {"Fe", 1}, {"P", 1}, {"Li", 1}})) == "LiFePO4");
  CHECK(formula(atoms({{"Ba", 4}, {"Re", 8}, {"H", 32}, {"O", 48}})) == "BaRe2(H2O3)4");
  CHECK(formula(atoms({{"O", 2}})) == "O2");
  CHECK(formula(atoms({{"Na", 4}, {"O", 4}})) == "Na2O2");
  CHECK(formula(atoms({{"C", 8}})) == "C");
  CHECK(formula({}) == "");
  CHECK(formula_units(atoms({{"Na", 4}, {"O", 4}})) == 2);
  CHECK(formula_units(atoms({{"C", 8}})) == 8);
}

TEST_CASE("density of rock salt") {
  Crystal salt{{5.6402, 5.6402, 5.6402, 90, 90, 90}, {}};
  for (int i = 0; i < 4; ++i) {
    salt.sites.push_back({11, {}});
    salt.sites.push_back({17, {}});
  }
  CHECK(salt.density() == Approx(2.1633).epsilon(1e-3));
  CHECK(salt.formula() == "NaCl");
}

TEST_CASE("a crystal string is written as crystal-text-llm writes it") {
  const Crystal crystal{{4.25, 4.16, 6.74, 90, 89.99, 119.9999},
                        {{31, {0.374, -0.15, 1.125}}, {52, {0.996, 0.0, 0.994}}}};
  // Python: '{:.1f}'.format(4.25) is '4.2' (ties to even digits do not arise: 4.25 is exact)
  CHECK(crystal_string(crystal) ==
        "4.2 4.2 6.7\n90 89 119\nGa\n0.37 0.85 0.12\nTe\n1.00 0.00 0.99");
  CHECK(crystal_string(crystal, {.wrap_one = true}) ==
        "4.2 4.2 6.7\n90 89 119\nGa\n0.37 0.85 0.12\nTe\n0.00 0.00 0.99");
  const auto parsed = parse_crystal_string(crystal_string(crystal));
  REQUIRE(parsed.crystal);
  CHECK(parsed.crystal->sites[1].position == Fractional{1.0, 0.0, 0.99});
  CHECK(crystal_string(*parsed.crystal, {.wrap_one = true}) ==
        crystal_string(crystal, {.wrap_one = true}));
}

TEST_CASE("what is no crystal string has a reason") {
  const std::string head = "3.0 3.0 3.0\n90 90 90\n";
  CHECK(reason_of(head + "Fe\n0.1 0.2 0.3") == RejectReason::kNone);
  CHECK(reason_of(head + "Fe\r\n0.1 0.2 0.3\r\n\n") == RejectReason::kNone);
  CHECK(reason_of(head + "D\n0.1 0.2 0.3") == RejectReason::kNone);
  CHECK(reason_of(" \n\t ") == RejectReason::kEmpty);
  CHECK(reason_of("3.0 3.0 3.0") == RejectReason::kNoLattice);
  CHECK(reason_of("3.0 3.0\n90 90 90\nFe\n0 0 0") == RejectReason::kNoLattice);
  CHECK(reason_of("3.0 3.0 x\n90 90 90\nFe\n0 0 0") == RejectReason::kBadNumber);
  CHECK(reason_of("3.0 3.0 nan\n90 90 90\nFe\n0 0 0") == RejectReason::kNotFinite);
  CHECK(reason_of("3.0 3.0 1e999\n90 90 90\nFe\n0 0 0") == RejectReason::kNotFinite);
  CHECK(reason_of("3.0 3.0 3.0 3.0\n90 90 90\nFe\n0 0 0") == RejectReason::kTrailingText);
  CHECK(reason_of("3.0 0.0 3.0\n90 90 90\nFe\n0 0 0") == RejectReason::kNonPositiveLength);
  CHECK(reason_of("3.0 -1 3.0\n90 90 90\nFe\n0 0 0") == RejectReason::kNonPositiveLength);
  CHECK(reason_of("3.0 3.0 3.0\n90 180 90\nFe\n0 0 0") == RejectReason::kBadAngle);
  CHECK(reason_of("3.0 3.0 3.0\n120 120 120\nFe\n0 0 0") == RejectReason::kImpossibleCell);
  CHECK(reason_of(head) == RejectReason::kNoSites);
  CHECK(reason_of(head + "Xx\n0 0 0") == RejectReason::kUnknownElement);
  CHECK(reason_of(head + "fe\n0 0 0") == RejectReason::kUnknownElement);
  CHECK(reason_of(head + "Fe") == RejectReason::kMissingCoordinates);
  CHECK(reason_of(head + "Fe\n0 0") == RejectReason::kMissingCoordinates);
  CHECK(reason_of(head + "Fe\n0 0 0 0") == RejectReason::kTrailingText);
  CHECK(reason_of(head + "Fe\n0 0 inf") == RejectReason::kNotFinite);
  CHECK(reason_of(head + "Fe\n0 0 O") == RejectReason::kBadNumber);
  CHECK(reason_of(std::string(10'000'000, 'x')) == RejectReason::kBadNumber);
  // the atoms of an impossible cell are known all the same
  const auto flat = parse_crystal_string("3.0 3.0 3.0\n120 120 120\nFe\n0 0 0\nO\n.5 .5 .5");
  CHECK(flat.composition == Composition{{8, 1}, {26, 1}});
}

TEST_CASE("the crystal is found within a whole generation") {
  const std::string crystal = "3.0 3.0 3.0\n90 90 90\nFe\n0.10 0.20 0.30";
  CHECK(crystal_part(crystal) == crystal);
  CHECK(crystal_part(
            "Below is a description of a bulk material. Generate a description of the lengths "
            "and angles of the lattice vectors and then the element type and coordinates for "
            "each atom within the lattice:\n" +
            crystal + "</s> more") == crystal);
  CHECK(crystal_part("system input-a question output-" + crystal + "\n") == crystal);
  CHECK(crystal_part("<|im_start|>answer\n" + crystal + "<|im_end|>\n") == crystal);
}
