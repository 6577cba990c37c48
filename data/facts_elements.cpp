#include "data/facts_elements.h"

#include <algorithm>
#include <array>

namespace anneal {
namespace {

// IUPAC names.
// clang-format off
constexpr std::string_view kNames[] = {
    "hydrogen", "helium", "lithium", "beryllium", "boron", "carbon", "nitrogen", "oxygen",
    "fluorine", "neon", "sodium", "magnesium", "aluminium", "silicon", "phosphorus", "sulfur",
    "chlorine", "argon", "potassium", "calcium", "scandium", "titanium", "vanadium", "chromium",
    "manganese", "iron", "cobalt", "nickel", "copper", "zinc", "gallium", "germanium", "arsenic",
    "selenium", "bromine", "krypton", "rubidium", "strontium", "yttrium", "zirconium", "niobium",
    "molybdenum", "technetium", "ruthenium", "rhodium", "palladium", "silver", "cadmium",
    "indium", "tin", "antimony", "tellurium", "iodine", "xenon", "caesium", "barium", "lanthanum",
    "cerium", "praseodymium", "neodymium", "promethium", "samarium", "europium", "gadolinium",
    "terbium", "dysprosium", "holmium", "erbium", "thulium", "ytterbium", "lutetium", "hafnium",
    "tantalum", "tungsten", "rhenium", "osmium", "iridium", "platinum", "gold", "mercury",
    "thallium", "lead", "bismuth", "polonium", "astatine", "radon", "francium", "radium",
    "actinium", "thorium", "protactinium", "uranium", "neptunium", "plutonium", "americium",
    "curium", "berkelium", "californium", "einsteinium", "fermium", "mendelevium", "nobelium",
    "lawrencium", "rutherfordium", "dubnium", "seaborgium", "bohrium", "hassium", "meitnerium",
    "darmstadtium", "roentgenium", "copernicium", "nihonium", "flerovium", "moscovium",
    "livermorium", "tennessine", "oganesson",
};
// clang-format on
static_assert(std::size(kNames) == 118);

// Common oxidation states by atomic number, from 1, without 0: pymatgen's periodic table (MIT).
// clang-format off
constexpr std::array<signed char, 8> kCommonStates[] = {
    {{-1, 1}}, {{}}, {{1}}, {{2}}, {{3}}, {{-4, -3, -2, -1, 1, 2, 3, 4}}, {{-3, 3, 5}}, {{-2}}, {{-1}}, {{}}, {{1}},
    {{2}}, {{3}}, {{-4, 4}}, {{-3, 3, 5}}, {{-2, 2, 4, 6}}, {{-1, 1, 3, 5, 7}}, {{}}, {{1}}, {{2}}, {{3}}, {{4}}, {{5}},
    {{3, 6}}, {{2, 4, 7}}, {{2, 3}}, {{2, 3}}, {{2}}, {{2}}, {{2}}, {{3}}, {{-4, 2, 4}}, {{-3, 3, 5}}, {{-2, 2, 4, 6}},
    {{-1, 1, 3, 5}}, {{2}}, {{1}}, {{2}}, {{3}}, {{4}}, {{5}}, {{4, 6}}, {{4, 7}}, {{3, 4}}, {{3}}, {{2, 4}}, {{1}}, {{2}},
    {{3}}, {{-4, 2, 4}}, {{-3, 3, 5}}, {{-2, 2, 4, 6}}, {{-1, 1, 3, 5, 7}}, {{2, 4, 6}}, {{1}}, {{2}}, {{3}},
    {{3, 4}}, {{3}}, {{3}}, {{3}}, {{3}}, {{2, 3}}, {{3}}, {{3}}, {{3}}, {{3}}, {{3}}, {{3}}, {{3}}, {{3}}, {{4}}, {{5}}, {{4, 6}},
    {{4, 7}}, {{4}}, {{3, 4}}, {{2, 4}}, {{3}}, {{1, 2}}, {{1, 3}}, {{2, 4}}, {{3}}, {{-2, 2, 4}}, {{-1, 1}}, {{}}, {{1}},
    {{2}}, {{3}}, {{4}}, {{5}}, {{6}}, {{5}}, {{4}}, {{3}}, {{3}}, {{3}}, {{3}}, {{3}}, {{3}}, {{3}}, {{3}}, {{3}}, {{4}}, {{}}, {{}},
    {{}}, {{}}, {{}}, {{}}, {{}}, {{}}, {{}}, {{}}, {{}}, {{}}, {{}}, {{}},
};
// clang-format on
static_assert(std::size(kCommonStates) == 118);

/// True if z lies in one of the closed ranges.
constexpr bool in(int z, std::initializer_list<std::pair<int, int>> ranges) {
  for (const auto& [low, high] : ranges) {
    if (z >= low && z <= high) return true;
  }
  return false;
}

}  // namespace

std::string_view element_name(int z) {
  return z >= 1 && z <= 118 ? kNames[z - 1] : std::string_view();
}

std::string_view element_family(int z) {
  if (in(z, {{3, 3}, {11, 11}, {19, 19}, {37, 37}, {55, 55}, {87, 87}})) return "alkali metal";
  if (in(z, {{4, 4}, {12, 12}, {20, 20}, {38, 38}, {56, 56}, {88, 88}})) {
    return "alkaline earth metal";
  }
  if (in(z, {{57, 71}})) return "lanthanide";
  if (in(z, {{89, 103}})) return "actinide";
  if (in(z, {{21, 29}, {39, 47}, {72, 79}, {104, 108}})) return "transition metal";
  if (in(z, {{30, 30}, {48, 48}, {80, 80}, {13, 13}, {31, 31}, {49, 50}, {81, 83}})) {
    return "post-transition metal";
  }
  if (in(z, {{5, 5}, {14, 14}, {32, 33}, {51, 52}})) return "metalloid";
  if (in(z, {{9, 9}, {17, 17}, {35, 35}, {53, 53}, {85, 85}})) return "halogen";
  if (in(z, {{2, 2}, {10, 10}, {18, 18}, {36, 36}, {54, 54}, {86, 86}})) return "noble gas";
  if (in(z, {{1, 1}, {6, 8}, {15, 16}, {34, 34}})) return "nonmetal";
  return "element";
}

std::span<const signed char> common_oxidation_states(int z) {
  if (z < 1 || z > 118) return {};
  const auto& states = kCommonStates[z - 1];
  return {states.data(),
          static_cast<std::size_t>(std::find(states.begin(), states.end(), 0) - states.begin())};
}

std::string_view anion_name(int z) {
  switch (z) {
    case 1:
      return "hydride";
    case 5:
      return "boride";
    case 6:
      return "carbide";
    case 7:
      return "nitride";
    case 8:
      return "oxide";
    case 9:
      return "fluoride";
    case 14:
      return "silicide";
    case 15:
      return "phosphide";
    case 16:
      return "sulfide";
    case 17:
      return "chloride";
    case 32:
      return "germanide";
    case 33:
      return "arsenide";
    case 34:
      return "selenide";
    case 35:
      return "bromide";
    case 51:
      return "antimonide";
    case 52:
      return "telluride";
    case 53:
      return "iodide";
    default:
      return {};
  }
}

}  // namespace anneal
