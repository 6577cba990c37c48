// Reading and writing CIF.
#include <chrono>

#include "base/files.h"
#include "cif/byte_source.h"
#include "cif/cif_file.h"
#include "cif/csv.h"
#include "cif/elements.h"
#include "tests/catch.h"
#include "tests/temporary_folder.h"

using namespace anneal;

namespace {
std::string cell(const std::string& rest) {
  return "data_x\n_cell_length_a 4.0(1)\n_cell_length_b 4.0\n_cell_length_c 4.0\n"
         "_cell_angle_alpha 90\n_cell_angle_beta 90.00(2)\n_cell_angle_gamma 90\n" +
         rest;
}
const std::string kSites =
    "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n";
const std::string kOccupied =
    "loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n"
    "_atom_site_fract_z\n_atom_site_occupancy\n";
}  // namespace

TEST_CASE("written CIFs are read back identical") {
  const Crystal crystal{{4.00969883, 4.00970882, 3.09538022, 90, 90.5, 119.99527813},
                        {{3, {0.33333333, 0.66666667, 0.25}}, {5, {0.0, 0.5, 0.99999999}}}};
  const std::string text = write_cif(crystal, "my crystal");
  const auto parsed = read_cif(text);
  REQUIRE(parsed.crystal);
  CHECK(*parsed.crystal == crystal);
  CHECK(write_cif(*parsed.crystal, "my crystal") == text);
  CHECK(text.find("data_my_crystal\n") != std::string::npos);
  CHECK(text.find("_chemical_formula_sum   'Li1 B1'\n") != std::string::npos);
}

TEST_CASE("CIFs of pymatgen's are written as they stand") {
  const auto data = testing::shared_data();
  if (!data) {
    WARN("skipped: ../shared/data is not there");
    return;
  }
  CsvReader reader(*data / "cif/mp.csv");
  const auto cif = reader.column("cif");
  int different = 0, count = 0;
  for (std::vector<std::string> row; count < 300 && reader.next(row); ++count) {
    const std::string& text = row[cif];
    const auto name = text.find("data_") + 5;
    const auto parsed = read_cif(text);
    REQUIRE(parsed.crystal);
    // the first line names the program; the stored volume is that of unrounded numbers
    const auto body = [](std::string t) {
      t.erase(0, t.find('\n') + 1);
      const auto volume = t.find("_cell_volume");
      t.erase(volume, t.find('\n', volume) - volume);
      return t;
    };
    const std::string ours =
        write_cif(*parsed.crystal, text.substr(name, text.find('\n', name) - name));
    different += body(ours) != body(text);
  }
  CHECK(count == 300);
  CHECK(different == 0);
}

TEST_CASE("symmetry is expanded") {
  const std::string site = kSites + "Na1 0 0 0\nCl1 0.5 0.5 0.5\n";
  CHECK(
      read_cif(cell("_symmetry_space_group_name_H-M 'F m -3 m'\n" + site)).crystal->sites.size() ==
      8);
  CHECK(read_cif(cell("_space_group_IT_number 225\n" + site)).crystal->sites.size() == 8);
  CHECK(
      read_cif(cell("_symmetry_space_group_name_Hall '-F 4 2 3'\n" + site)).crystal->sites.size() ==
      8);
  CHECK(read_cif(cell(site)).crystal->sites.size() == 2);
  CHECK(read_cif(cell("loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n'x+1/2,y+1/2,z'\n" + site))
            .crystal->sites.size() == 4);
  // hand-written thirds fall together with their images
  const std::string hexagonal =
      "data_x\n_cell_length_a 4\n_cell_length_b 4\n_cell_length_c 6\n_cell_angle_alpha 90\n"
      "_cell_angle_beta 90\n_cell_angle_gamma 120\n_symmetry_space_group_name_H-M 'P 63/m m c'\n";
  CHECK(read_cif(hexagonal + kSites + "Mg1 0.3333 0.6667 0.25\n").crystal->sites.size() == 2);
  CHECK(read_cif(cell("_symmetry_space_group_name_H-M 'Q 99'\n" + site)).reason ==
        RejectReason::kUnreadableCif);
}

TEST_CASE("sites are read with their elements and occupancies") {
  CHECK(read_cif(cell(kSites + "FE1 0 0 0\n")).crystal->sites[0].atomic_number == 26);
  CHECK(read_cif(cell(kOccupied + "M1 Fe3+ 0 0 0 1.0\n")).crystal->sites[0].atomic_number == 26);
  CHECK(read_cif(cell(kOccupied + "M1 D 0 0 0 1\n")).crystal->sites[0].atomic_number == 1);
  CHECK(read_cif(cell(kOccupied + "M1 Fe 0 0 0 .\n")).crystal);
  CHECK(read_cif(cell(kOccupied + "M1 Fe 0 0 0 0.5\n")).reason == RejectReason::kDisordered);
  CHECK(read_cif(cell(kOccupied + "M1 Fe 0 0 0 0.5\nM2 Co 0 0 0 0.5\n")).reason ==
        RejectReason::kDisordered);
  const auto mixed_valence = read_cif(cell(kOccupied + "M1 Fe2+ 0 0 0 0.5\nM2 Fe3+ 0 0 0 0.5\n"));
  REQUIRE(mixed_valence.crystal);
  CHECK(mixed_valence.crystal->sites.size() == 1);
  CHECK(read_cif(cell(kSites + "Q1 0 0 0\n")).reason == RejectReason::kUnknownElement);
  CHECK(read_cif(cell(kSites + "Fe1 0 ? 0\n")).reason == RejectReason::kMissingCoordinates);
  CHECK(read_cif(cell(kSites + "Fe1 0 a 0\n")).reason == RejectReason::kBadNumber);
  CHECK(read_cif(cell(kSites + "Fe1 0 nan 0\n")).reason == RejectReason::kNotFinite);
  CHECK(read_cif(cell("")).reason == RejectReason::kNoSites);
  CHECK(read_cif("data_x\n" + kSites + "Fe1 0 0 0\n").reason == RejectReason::kNoLattice);
}

TEST_CASE("what is no CIF has a reason") {
  CHECK(read_cif("").reason == RejectReason::kEmpty);
  CHECK(read_cif("hello").reason == RejectReason::kUnreadableCif);
  // A loop that is not needed may lack a value; the sites may not.
  CHECK(read_cif("data_x\nloop_\n_a\n_b\n1 2 3\n").reason == RejectReason::kNoSites);
  CHECK(read_cif(cell(kSites + "Fe1 0 0 0 Fe2 0\n")).reason == RejectReason::kUnreadableCif);
  CHECK(read_cif("data_x\n_a\n").reason == RejectReason::kUnreadableCif);
  CHECK(read_cif(std::string("data_x\n_a \0\x01\xff\n", 14)).reason ==
        RejectReason::kUnreadableCif);
  CHECK(read_cif("data_x\n_a '" + std::string(10'000'000, 'y')).reason ==
        RejectReason::kUnreadableCif);
  const std::string whole =
      write_cif({{4, 4, 4, 90, 90, 90}, {{26, {0, 0, 0}}, {8, {.5, .5, .5}}}});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto cut = read_cif(std::string_view(whole).substr(0, size));
    CHECK(cut.crystal.has_value() == (cut.reason == RejectReason::kNone));
  }
}

TEST_CASE("real awkward CIFs are read, or rejected with a reason, in bounded time") {
  const auto data = testing::shared_data();
  if (!data) {
    WARN("skipped: ../shared/data is not there");
    return;
  }
  const auto files = expand_paths((*data / "cif_parser").string());
  CHECK(files.size() == 81);
  int crystals = 0;
  for (const auto& file : files) {
    INFO(file.string());
    const std::string text = read_all(file);
    const auto start = std::chrono::steady_clock::now();
    for (const auto& block : read_cif_blocks(text)) {
      CHECK(block.parsed.crystal.has_value() == (block.parsed.reason == RejectReason::kNone));
      CHECK((block.parsed.crystal || !block.parsed.detail.empty()));
      crystals += block.parsed.crystal.has_value();
    }
    // every prefix of a tenth must be survived, too
    for (std::size_t tenth = 1; tenth < 10; ++tenth) {
      read_cif_blocks(std::string_view(text).substr(0, text.size() * tenth / 10));
    }
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  }
  CHECK(crystals >= 44);
  CHECK(read_cif(read_all(*data / "cif_parser/pymatgen/garnet.cif")).crystal->formula() ==
        "Ca3Al2(SiO4)3");
  CHECK(read_cif(read_all(*data / "cif_parser/pymatgen/FePO4.cif")).crystal->sites.size() == 24);
  CHECK(read_cif(read_all(*data / "cif_parser/pymatgen/bad_occu.cif")).reason ==
        RejectReason::kDisordered);
}
