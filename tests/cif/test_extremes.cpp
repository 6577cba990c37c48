// Input of any size and shape gets a verdict with a reason, in bounded time and memory; what
// fuzzing (tests/fuzz) found stays found.
#include <cmath>
#include <fstream>
#include <random>

#include "base/error.h"
#include "base/files.h"
#include "cif/cif_file.h"
#include "cif/crystal_string.h"
#include "cif/score.h"
#include "cif/validity.h"
#include "tests/catch.h"
#include "tests/temporary_folder.h"

using namespace anneal;

namespace {

std::string cif(const std::string& lengths, const std::string& sites) {
  return "data_x\n" + lengths +
         "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n"
         "loop_\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n"
         "_atom_site_fract_z\n" +
         sites;
}
const std::string kLengths = "_cell_length_a 100\n_cell_length_b 100\n_cell_length_c 100\n";

/// n^3 sites of a simple cubic grid.
std::string grid(int n) {
  std::string text;
  for (int i = 0; i < n * n * n; ++i) {
    text += fmt::format("Fe {:.6f} {:.6f} {:.6f}\n", double(i % n) / n, double(i / n % n) / n,
                        double(i / n / n) / n);
  }
  return text;
}

Verdict judged(const ParsedCrystal& parsed) {
  CrystalRecord record;
  record.parsed = parsed;
  return judge(record);
}

}  // namespace

TEST_CASE("ten thousand atoms in a cell are judged") {
  const auto verdict = judged(read_cif(cif(kLengths, grid(22))));  // 10,648
  CHECK(verdict.parsed);
  CHECK(*verdict.num_atoms == 10648);
  CHECK(*verdict.min_distance_a == Approx(100.0 / 22).margin(2e-4));  // six decimals of 100 A
  CHECK(verdict.struct_valid);
}

TEST_CASE("too many sites are refused by name, listed or made by symmetry") {
  CHECK(judged(read_cif(cif(kLengths, grid(47)))).reason == "too_many_sites");  // 103,823
  std::string operations = "loop_\n_symmetry_equiv_pos_as_xyz\n";
  for (int i = 0; i < 900; ++i)
    operations += fmt::format("'x+{}/24,y+{}/24,z+{}/24'\n", i % 24, i / 24 % 24, i / 576);
  CHECK(judged(read_cif(operations.insert(0, cif(kLengths, grid(10))))).reason == "too_many_sites");
}

TEST_CASE("the shortest distance among crowds is that of all pairs, in time that does not square") {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> uniform(0, 1);
  // clusters in clusters, down to 1e-9 of the cell; near a corner, so that they touch its images
  const auto crowd = [&](int n) {
    Crystal crystal{{50, 60, 70, 80, 95, 110}, {}};
    for (int i = 0; i < n; ++i) {
      const double scale = std::pow(10.0, -double(i % 10));
      crystal.sites.push_back({26,
                               {scale * (uniform(random) - .5), scale * (uniform(random) - .5),
                                scale * (uniform(random) - .5)}});
    }
    return crystal;
  };
  for (int trial = 0; trial < 5; ++trial) {
    const Crystal crystal = crowd(2000);
    double least = INFINITY;  // without images: the crowd is small beside the cell
    const auto matrix = crystal.cell.matrix();
    std::vector<Cartesian> p;
    for (const auto& site : crystal.sites) p.push_back(to_cartesian(matrix, site.position));
    for (std::size_t i = 0; i < p.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        least = std::min(least, std::hypot(p[i].x - p[j].x, p[i].y - p[j].y, p[i].z - p[j].z));
      }
    }
    CHECK(*minimum_distance(crystal) ==
          Approx(least).epsilon(1e-4));  // fractions near 1 keep 1e-16
  }
  // a hundred thousand sites within a thousandth of the cell: all pairs would be 5e9
  Crystal dense{{50, 50, 50, 90, 90, 90}, {}};
  for (int i = 0; i < 100000; ++i)
    dense.sites.push_back(
        {26,
         {.5 + 1e-3 * uniform(random), .5 + 1e-3 * uniform(random), .5 + 1e-3 * uniform(random)}});
  const double nearest = *minimum_distance(dense);
  CHECK(nearest > 0);
  CHECK(nearest < 50e-3 / std::cbrt(100000.0));
  // all at one place
  Crystal one{{50, 50, 50, 90, 90, 90}, {}};
  for (int i = 0; i < 100000; ++i) one.sites.push_back({26, {.25, .25, .25}});
  CHECK(*minimum_distance(one) == 0);
}

TEST_CASE("zero volume, NaN, duplicate sites, unknown elements, deuterium") {
  const auto of = [](const char* text) { return judged(parse_crystal_string(text)); };
  CHECK(of("0.0 4.0 4.0\n90 90 90\nFe\n0 0 0").reason == "non_positive_length");
  CHECK(of("4.0 4.0 4.0\n90 90 180\nFe\n0 0 0").reason == "bad_angle");
  CHECK(of("4.0 4.0 4.0\n60 60 120\nFe\n0 0 0").reason == "impossible_cell");  // flat
  CHECK(of("nan 4.0 4.0\n90 90 90\nFe\n0 0 0").reason == "not_finite");
  CHECK(of("4.0 4.0 4.0\n90 90 90\nFe\n0 nan 0").reason == "not_finite");
  CHECK(of("4.0 4.0 4.0\n90 90 90\nFe\n0 1e999 0").reason == "not_finite");
  CHECK(of("4.0 4.0 4.0\n90 90 90\nXx\n0 0 0").reason == "unknown_element");
  const auto twice = of("4.0 4.0 4.0\n90 90 90\nFe\n0 0 0\nFe\n1 1 1");
  CHECK(twice.parsed);
  CHECK_FALSE(twice.struct_valid);
  CHECK(*twice.min_distance_a == 0);
  const auto heavy = of("4.0 4.0 4.0\n90 90 90\nD\n0 0 0\nO\n0.5 0.5 0.5");
  CHECK(heavy.parsed);
  CHECK(*heavy.formula == "H2O2");  // pymatgen does not reduce peroxides
  const auto thin = of("0.001 0.001 0.001\n90 90 90\nFe\n0 0 0");
  CHECK(thin.parsed);
  CHECK_FALSE(thin.struct_valid);
}

TEST_CASE("lines of ten megabytes are rows like others") {
  const testing::TemporaryFolder folder;
  const std::string long_text(10 << 20, 'x');
  std::ofstream(folder / "long.csv")
      << "material_id,cif\n1,\"" << long_text << "\"\n2,\"data_x\n"
      << long_text << "\"\n3," << long_text << "," << long_text << "\n";
  std::ofstream(folder / "long.jsonl")
      << "{\"text\": \"4.0 4.0 4.0\\n90 90 90\\nFe\\n0 0 " << std::string(10 << 20, '1')
      << "\"}\n{\"text\": \"" << long_text << "\"}\n{" << long_text << "\n";
  ScoreOptions options;
  options.threads = 1;
  options.log = Log(false);
  const auto csv = score_file(folder / "long.csv", folder / "csv", options);
  CHECK(csv.total == 3);
  CHECK(csv.parsed == 0);
  const auto jsonl = score_file(folder / "long.jsonl", folder / "jsonl", options);
  CHECK(jsonl.total == 3);
  CHECK(jsonl.parsed == 0);
  CHECK(read_file(folder / "csv/verdicts.jsonl").size() < 10000);  // details are cut
  CHECK(read_file(folder / "jsonl/verdicts.jsonl").size() < 10000);
}

TEST_CASE("what fuzzing found: numbers of any length in a symmetry operation") {
  for (const char* operation :
       {"x+99999999999999999999,y,z", "x,y,z/9223372036854775807",
        "123456789012345678901234567890x,y,z", "x+1e300,y,z", "x+.99999999999999999999999,y,z"}) {
    INFO(operation);
    const std::string text = cif(kLengths, "Fe 0.1 0.2 0.3\n") +
                             "loop_\n_symmetry_equiv_pos_as_xyz\n'" + operation + "'\n";
    const auto parsed = read_cif(text);
    CHECK((parsed.crystal || parsed.reason == RejectReason::kUnreadableCif));
  }
  CHECK(read_cif(cif(kLengths, "Fe 0.1 0.2 0.3\n") +
                 "loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n'x+1/2,y+0.5,z'\n")
            .crystal->sites.size() == 2);
}
