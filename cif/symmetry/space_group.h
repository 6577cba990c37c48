// The symmetry of a crystal within a tolerance, found by spglib (Togo, Shinohara, Tanaka, Sci.
// Technol. Adv. Mater. Meth. 4, 2384822, 2024), with the angle tolerance of pymatgen's
// SpacegroupAnalyzer.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cif/crystal.h"

namespace anneal {

/// The distance by which an atom may miss its image, Angstrom: CrystaLLM and LeMat-GenBench take
/// it.
inline constexpr double kSymmetryPrecision = 0.1;
/// Crystals with more sites are not analysed: time grows with up to the third power.
inline constexpr std::size_t kMaxSymmetrySites = 1500;

/// "x' = rotation x + translation" in fractional coordinates.
struct SymmetryOperation {
  std::array<std::array<int, 3>, 3> rotation{};
  std::array<double, 3> translation{};
};

struct SpaceGroup {
  int number = 1;               ///< 1..230
  std::string symbol;           ///< short Hermann-Mauguin, standard setting: "P6_3/mmc"
  std::string hall;             ///< Hall symbol of the setting of the standard cell
  int hall_number = 1;          ///< 1..530
  std::string point_group;      ///< "6/mmm"
  std::vector<int> equivalent;  ///< for each site the first one that an operation takes it to
  std::vector<char> wyckoff;    ///< for each site its Wyckoff letter
  Crystal conventional;  ///< standard conventional cell, idealised: pymatgen's refined structure
};

/// Nothing if spglib finds none (sites that coincide) or the crystal has more than
/// kMaxSymmetrySites sites. Thread-safe.
std::optional<SpaceGroup> find_space_group(const Crystal& crystal,
                                           double precision_a = kSymmetryPrecision);

/// "triclinic" .. "cubic" of a space group's number.
std::string_view crystal_system(int space_group_number);

/// All operations of a setting (1..530), the identity first.
std::vector<SymmetryOperation> symmetry_operations(int hall_number);

/// Number of a space group by any usual symbol ("P 63/m m c", "P6_3/mmc", "R -3 m :H", "Fd-3mZ"); 0
/// if it is none.
int space_group_number(std::string_view symbol);

}  // namespace anneal
