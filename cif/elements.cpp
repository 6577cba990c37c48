#include "cif/elements.h"

#include <fmt/core.h>

#include <limits>
#include <stdexcept>

namespace anneal {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// symbol, mass (u), electronegativity, SMACT's electronegativity, SMACT metal, SMACT's states.
// Facts compiled from pymatgen 2026.10.24 (MIT) and SMACT 2.2.1 (MIT); see NOTICE.
// clang-format off
constexpr Element kElements[] = {
    {"X", 0.0, kNone, kNone, false, {}},
    {"H", 1.00794, 2.2, 2.2, false, {-1, 1}},
    {"He", 4.002602, kNone, kNone, false, {}},
    {"Li", 6.941, 0.98, 0.98, true, {1}},
    {"Be", 9.012182, 1.57, 1.57, true, {1, 2}},
    {"B", 10.811, 2.04, 2.04, false, {1, 2, 3}},
    {"C", 12.0107, 2.55, 2.55, false, {-4, -3, -2, -1, 1, 2, 3, 4}},
    {"N", 14.0067, 3.04, 3.04, false, {-3, -2, -1, 1, 2, 3, 4, 5}},
    {"O", 15.9994, 3.44, 3.44, false, {-2, -1, 1, 2}},
    {"F", 18.9984032, 3.98, 3.98, false, {-1}},
    {"Ne", 20.1797, kNone, kNone, false, {}},
    {"Na", 22.98976928, 0.93, 0.93, true, {-1, 1}},
    {"Mg", 24.305, 1.31, 1.31, true, {1, 2}},
    {"Al", 26.9815386, 1.61, 1.61, true, {1, 2, 3}},
    {"Si", 28.0855, 1.9, 1.9, false, {-4, -3, -2, -1, 1, 2, 3, 4}},
    {"P", 30.973762, 2.19, 2.19, false, {-3, -2, -1, 1, 2, 3, 4, 5}},
    {"S", 32.065, 2.58, 2.58, false, {-2, -1, 1, 2, 3, 4, 5, 6}},
    {"Cl", 35.453, 3.16, 3.16, false, {-1, 1, 2, 3, 4, 5, 6, 7}},
    {"Ar", 39.948, kNone, kNone, false, {}},
    {"K", 39.0983, 0.82, 0.82, true, {-1, 1}},
    {"Ca", 40.078, 1.0, 1.0, true, {1, 2}},
    {"Sc", 44.955912, 1.36, 1.36, true, {1, 2, 3}},
    {"Ti", 47.867, 1.54, 1.54, true, {-1, 1, 2, 3, 4}},
    {"V", 50.9415, 1.63, 1.63, true, {-1, 1, 2, 3, 4, 5}},
    {"Cr", 51.9961, 1.66, 1.66, true, {-2, -1, 1, 2, 3, 4, 5, 6}},
    {"Mn", 54.938045, 1.55, 1.55, true, {-3, -2, -1, 1, 2, 3, 4, 5, 6, 7}},
    {"Fe", 55.845, 1.83, 1.83, true, {-2, -1, 1, 2, 3, 4, 5, 6}},
    {"Co", 58.933195, 1.88, 1.88, true, {-1, 1, 2, 3, 4, 5}},
    {"Ni", 58.6934, 1.91, 1.91, true, {-1, 1, 2, 3, 4}},
    {"Cu", 63.546, 1.9, 1.9, true, {1, 2, 3, 4}},
    {"Zn", 65.409, 1.65, 1.65, true, {1, 2}},
    {"Ga", 69.723, 1.81, 1.81, true, {1, 2, 3}},
    {"Ge", 72.64, 2.01, 2.01, true, {-4, -3, -2, -1, 1, 2, 3, 4}},
    {"As", 74.9216, 2.18, 2.18, false, {-3, 1, 2, 3, 5}},
    {"Se", 78.96, 2.55, 2.55, false, {-2, 1, 2, 4, 6}},
    {"Br", 79.904, 2.96, 2.96, false, {-1, 1, 2, 3, 4, 5, 7}},
    {"Kr", 83.798, 3.0, 3.0, false, {2}},
    {"Rb", 85.4678, 0.82, 0.82, true, {-1, 1}},
    {"Sr", 87.62, 0.95, 0.95, true, {1, 2}},
    {"Y", 88.90585, 1.22, 1.22, true, {1, 2, 3}},
    {"Zr", 91.224, 1.33, 0.33, true, {1, 2, 3, 4}},
    {"Nb", 92.90638, 1.6, 1.6, true, {-1, 1, 2, 3, 4, 5}},
    {"Mo", 95.94, 2.16, 2.16, true, {-2, -1, 1, 2, 3, 4, 5, 6}},
    {"Tc", 98.0, 1.9, 2.1, true, {-3, -1, 1, 2, 3, 4, 5, 6, 7}},
    {"Ru", 101.07, 2.2, 2.2, true, {-2, 1, 2, 3, 4, 5, 6, 7, 8}},
    {"Rh", 102.9055, 2.28, 2.28, true, {-1, 1, 2, 3, 4, 5, 6}},
    {"Pd", 106.42, 2.2, 2.2, true, {1, 2, 4, 6}},
    {"Ag", 107.8682, 1.93, 1.93, true, {1, 2, 3, 4}},
    {"Cd", 112.411, 1.69, 1.69, true, {1, 2}},
    {"In", 114.818, 1.78, 1.78, true, {1, 2, 3}},
    {"Sn", 118.71, 1.96, 1.96, true, {-4, 2, 4}},
    {"Sb", 121.76, 2.05, 2.05, true, {-3, 3, 5}},
    {"Te", 127.6, 2.1, 2.1, false, {-2, 2, 4, 5, 6}},
    {"I", 126.90447, 2.66, 2.66, false, {-1, 1, 3, 4, 5, 7}},
    {"Xe", 131.293, 2.6, 2.6, false, {1, 2, 4, 6, 8}},
    {"Cs", 132.9054519, 0.79, 0.79, true, {-1, 1}},
    {"Ba", 137.327, 0.89, 0.89, true, {2}},
    {"La", 138.90547, 1.1, 1.1, true, {2, 3}},
    {"Ce", 140.116, 1.12, 1.12, true, {2, 3, 4}},
    {"Pr", 140.90765, 1.13, 1.13, true, {2, 3, 4}},
    {"Nd", 144.242, 1.14, 1.14, true, {2, 3, 4}},
    {"Pm", 145.0, 1.13, kNone, false, {2, 3}},
    {"Sm", 150.36, 1.17, 1.17, true, {2, 3}},
    {"Eu", 151.964, 1.2, 1.2, true, {2, 3}},
    {"Gd", 157.25, 1.2, 1.2, true, {1, 2, 3}},
    {"Tb", 158.92535, 1.1, 1.2, true, {1, 2, 3, 4}},
    {"Dy", 162.5, 1.22, 1.22, true, {2, 3, 4}},
    {"Ho", 164.93032, 1.23, 1.23, true, {2, 3}},
    {"Er", 167.259, 1.24, 1.24, true, {2, 3}},
    {"Tm", 168.93421, 1.25, 1.25, true, {2, 3}},
    {"Yb", 173.04, 1.1, 1.1, true, {2, 3}},
    {"Lu", 174.967, 1.27, 1.0, true, {3}},
    {"Hf", 178.49, 1.3, 1.3, true, {2, 3, 4}},
    {"Ta", 180.94788, 1.5, 1.5, true, {-1, 2, 3, 4, 5}},
    {"W", 183.84, 2.36, 1.7, true, {-2, -1, 1, 2, 3, 4, 5, 6}},
    {"Re", 186.207, 1.9, 1.9, true, {-3, -1, 1, 2, 3, 4, 5, 6, 7}},
    {"Os", 190.23, 2.2, 2.2, true, {-2, -1, 1, 2, 3, 4, 5, 6, 7, 8}},
    {"Ir", 192.217, 2.2, 2.2, true, {-2, -1, 1, 2, 3, 4, 5, 6, 7, 8}},
    {"Pt", 195.084, 2.28, 2.2, true, {-2, -1, 1, 2, 3, 4, 5, 6}},
    {"Au", 196.966569, 2.54, 2.4, true, {-1, 1, 2, 3, 5}},
    {"Hg", 200.59, 2.0, 1.9, true, {1, 2, 4}},
    {"Tl", 204.3833, 1.62, 1.8, true, {-1, 1, 3}},
    {"Pb", 207.2, 2.33, 1.8, true, {-4, 2, 4}},
    {"Bi", 208.9804, 2.02, 1.9, true, {-3, 1, 3, 5, 7}},
    {"Po", 210.0, 2.0, 2.0, true, {-2, 2, 4, 5, 6}},
    {"At", 210.0, 2.2, 2.2, false, {-1, 1, 3, 5, 7}},
    {"Rn", 220.0, 2.2, kNone, false, {2, 6}},
    {"Fr", 223.0, 0.7, 0.7, true, {1}},
    {"Ra", 226.0, 0.9, 0.9, true, {2}},
    {"Ac", 227.0, 1.1, 1.1, true, {2, 3}},
    {"Th", 232.03806, 1.3, 1.3, true, {2, 3, 4}},
    {"Pa", 231.03588, 1.5, 1.5, true, {2, 3, 4, 5}},
    {"U", 238.02891, 1.38, 1.7, true, {2, 3, 4, 5, 6}},
    {"Np", 237.0, 1.36, 1.3, true, {3, 4, 5, 6, 7}},
    {"Pu", 244.0, 1.28, 1.3, true, {2, 3, 4, 5, 6, 7, 8}},
    {"Am", 243.0, 1.3, 1.3, true, {2, 3, 4, 5, 6, 7}},
    {"Cm", 247.0, 1.3, 1.3, true, {2, 3, 4, 6, 8}},
    {"Bk", 247.0, 1.3, 1.3, true, {2, 3, 4}},
    {"Cf", 251.0, 1.3, 1.3, true, {2, 3, 4}},
    {"Es", 252.0, 1.3, 1.3, true, {2, 3, 4}},
    {"Fm", 257.0, 1.3, 1.3, true, {2, 3}},
    {"Md", 258.0, 1.3, 1.3, true, {2, 3}},
    {"No", 259.0, 1.3, 1.3, true, {2, 3}},
    {"Lr", 262.0, 1.3, kNone, false, {3}},
    {"Rf", 267.0, kNone, kNone, false, {}},
    {"Db", 268.0, kNone, kNone, false, {}},
    {"Sg", 269.0, kNone, kNone, false, {}},
    {"Bh", 270.0, kNone, kNone, false, {}},
    {"Hs", 270.0, kNone, kNone, false, {}},
    {"Mt", 278.0, kNone, kNone, false, {}},
    {"Ds", 281.0, kNone, kNone, false, {}},
    {"Rg", 282.0, kNone, kNone, false, {}},
    {"Cn", 285.0, kNone, kNone, false, {}},
    {"Nh", 286.0, kNone, kNone, false, {}},
    {"Fl", 289.0, kNone, kNone, false, {}},
    {"Mc", 290.0, kNone, kNone, false, {}},
    {"Lv", 293.0, kNone, kNone, false, {}},
    {"Ts", 294.0, kNone, kNone, false, {}},
    {"Og", 294.0, kNone, kNone, false, {}},
};
// clang-format on
static_assert(std::size(kElements) == kMaxAtomicNumber + 1);

// Index of a symbol of one or two letters: first letter, then nothing or a small letter.
constexpr int slot(std::string_view s) {
  if (s.empty() || s.size() > 2 || s[0] < 'A' || s[0] > 'Z') return -1;
  if (s.size() == 1) return (s[0] - 'A') * 27;
  if (s[1] < 'a' || s[1] > 'z') return -1;
  return (s[0] - 'A') * 27 + (s[1] - 'a') + 1;
}

constexpr std::array<unsigned char, 26 * 27> make_index() {
  std::array<unsigned char, 26 * 27> index{};
  for (int z = 1; z <= kMaxAtomicNumber; ++z) index[slot(kElements[z].symbol)] = z;
  index[slot("D")] = 1;
  index[slot("T")] = 1;
  return index;
}
constexpr auto kIndex = make_index();

}  // namespace

std::span<const signed char> Element::oxidation_states() const {
  std::size_t count = 0;
  while (count < smact_states.size() && smact_states[count] != 0) ++count;
  return {smact_states.data(), count};
}

const Element& element(int atomic_number) {
  if (atomic_number < 1 || atomic_number > kMaxAtomicNumber) {
    throw std::out_of_range(fmt::format("no element has the atomic number {}", atomic_number));
  }
  return kElements[atomic_number];
}

int atomic_number(std::string_view symbol) {
  const int index = slot(symbol);
  return index < 0 ? 0 : kIndex[index];
}

std::string_view symbol(int atomic_number) {
  return atomic_number < 1 || atomic_number > kMaxAtomicNumber ? kElements[0].symbol
                                                               : kElements[atomic_number].symbol;
}

}  // namespace anneal
