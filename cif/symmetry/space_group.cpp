#include "cif/symmetry/space_group.h"

#include <cstring>
#include <gemmi/symmetry.hpp>  // for names of space groups
#include <memory>

#include "cif/symmetry/spglib_cell.h"

namespace anneal {
namespace {

constexpr double kAngleTolerance = 5;  // degrees, pymatgen's default

std::string without_blanks(const char* text) {
  std::string result;
  for (; *text != '\0'; ++text) {
    if (*text != ' ') result += *text;
  }
  return result;
}

}  // namespace

std::optional<SpaceGroup> find_space_group(const Crystal& crystal, double precision_a) {
  if (crystal.sites.empty() || crystal.sites.size() > kMaxSymmetrySites) return std::nullopt;
  SpglibCell cell(crystal);
  const std::unique_ptr<SpglibDataset, void (*)(SpglibDataset*)> data(
      spgat_get_dataset(cell.lattice, cell.positions(), cell.types.data(), cell.size(), precision_a,
                        kAngleTolerance),
      [](SpglibDataset* d) { spg_free_dataset(d); });
  if (data == nullptr || data->spacegroup_number < 1) return std::nullopt;
  SpaceGroup result;
  result.number = data->spacegroup_number;
  result.symbol = without_blanks(data->international_symbol);
  result.hall = data->hall_symbol;
  result.hall_number = data->hall_number;
  result.point_group = without_blanks(data->pointgroup_symbol);
  result.equivalent.assign(data->equivalent_atoms, data->equivalent_atoms + data->n_atoms);
  for (int i = 0; i < data->n_atoms; ++i) {
    const int letter = data->wyckoffs[i];  // 27 of Pmmm: "A" follows "z"
    result.wyckoff.push_back(static_cast<char>(letter < 26 ? 'a' + letter : 'A' + letter - 26));
  }
  SpglibCell standard;
  std::memcpy(standard.lattice, data->std_lattice, sizeof standard.lattice);
  standard.types.assign(data->std_types, data->std_types + data->n_std_atoms);
  for (int i = 0; i < data->n_std_atoms; ++i) {
    const double* p = data->std_positions[i];
    standard.coordinates.push_back({p[0], p[1], p[2]});
  }
  result.conventional = standard.crystal();
  return result;
}

std::string_view crystal_system(int number) {
  if (number <= 2) return "triclinic";
  if (number <= 15) return "monoclinic";
  if (number <= 74) return "orthorhombic";
  if (number <= 142) return "tetragonal";
  if (number <= 167) return "trigonal";
  return number <= 194 ? "hexagonal" : "cubic";
}

std::vector<SymmetryOperation> symmetry_operations(int hall_number) {
  int rotations[192][3][3];
  double translations[192][3];
  const int n = spg_get_symmetry_from_database(rotations, translations, hall_number);
  std::vector<SymmetryOperation> result(n);
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < 3; ++j) {
      result[i].translation[j] = translations[i][j];
      for (int k = 0; k < 3; ++k) result[i].rotation[j][k] = rotations[i][j][k];
    }
  }
  return result;
}

int space_group_number(std::string_view symbol) {
  std::string plain;
  for (const char c : symbol) {
    if (c != '_' && c != '\'' && c != '"') plain += c;
  }
  // a letter for a setting, as ICSD writes it: "Fd-3mS", "R-3mH"
  while (plain.size() > 3 && std::strchr("HRSZ", plain.back()) != nullptr) plain.pop_back();
  while (!plain.empty() && (plain.back() == ' ' || plain.back() == ':')) plain.pop_back();
  const gemmi::SpaceGroup* group = gemmi::find_spacegroup_by_name(plain);
  return group == nullptr ? 0 : group->number;
}

}  // namespace anneal
