#include "cif/crystal.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <string_view>
#include <utility>

#include "cif/elements.h"

namespace anneal {
namespace {

constexpr double kRadian = std::numbers::pi / 180;
constexpr double kGramPerCm3 = 1.66053906660;  // 1 u/A^3 in g/cm^3 (CODATA 2018)

/// Electronegativity with the elements that have none at the end.
double formula_rank(int z) {
  const double x = element(z).electronegativity;
  return std::isnan(x) ? HUGE_VAL : x;
}

std::string one_term(int z, int count) {
  std::string term(symbol(z));
  if (count != 1) term += std::to_string(count);
  return term;
}

/// Formulae that are not reduced further (pymatgen's special_formulas).
constexpr std::pair<std::string_view, std::string_view> kSpecial[] = {
    {"LiO", "Li2O2"}, {"NaO", "Na2O2"}, {"KO", "K2O2"}, {"HO", "H2O2"},
    {"CsO", "Cs2O2"}, {"RbO", "Rb2O2"}, {"O", "O2"},    {"N", "N2"},
    {"F", "F2"},      {"Cl", "Cl2"},    {"H", "H2"}};

}  // namespace

double UnitCell::angle_determinant() const {
  const double ca = std::cos(alpha * kRadian), cb = std::cos(beta * kRadian),
               cg = std::cos(gamma * kRadian);
  return 1 - ca * ca - cb * cb - cg * cg + 2 * ca * cb * cg;
}

bool UnitCell::possible() const {
  for (const double length : {a, b, c}) {
    if (!(length >= 1e-6 && length <= 1e6)) return false;
  }
  for (const double angle : {alpha, beta, gamma}) {
    if (!std::isfinite(angle) || angle <= 0 || angle >= 180) return false;
  }
  // the determinant of the flattest cell with whole degrees is 7e-8; rounding makes about 1e-16
  return angle_determinant() > 1e-12 && alpha + beta > gamma && beta + gamma > alpha &&
         gamma + alpha > beta && alpha + beta + gamma < 360;
}

double UnitCell::volume() const {
  return a * b * c * std::sqrt(std::max(0.0, angle_determinant()));
}

CellMatrix UnitCell::matrix() const {
  const double ca = std::cos(alpha * kRadian), cb = std::cos(beta * kRadian),
               cg = std::cos(gamma * kRadian);
  const double sa = std::sin(alpha * kRadian), sb = std::sin(beta * kRadian);
  const double cos_gamma_star = std::clamp((ca * cb - cg) / (sa * sb), -1.0, 1.0);
  const double sin_gamma_star = std::sqrt(1 - cos_gamma_star * cos_gamma_star);
  return {{{a * sb, 0, a * cb},
           {-b * sa * cos_gamma_star, b * sa * sin_gamma_star, b * ca},
           {0, 0, c}}};
}

Cartesian to_cartesian(const CellMatrix& m, const Fractional& p) {
  return {p.x * m[0][0] + p.y * m[1][0] + p.z * m[2][0],
          p.x * m[0][1] + p.y * m[1][1] + p.z * m[2][1],
          p.x * m[0][2] + p.y * m[1][2] + p.z * m[2][2]};
}

Composition Crystal::composition() const {
  Composition counts;
  for (const auto& site : sites) ++counts[site.atomic_number];
  return counts;
}

std::string Crystal::formula() const { return anneal::formula(composition()); }

double Crystal::density() const { return mass_u(composition()) / cell.volume() * kGramPerCm3; }

double mass_u(const Composition& composition) {
  double mass = 0;
  for (const auto& [z, count] : composition) mass += element(z).mass_u * count;
  return mass;
}

Composition reduced(const Composition& composition) {
  int divisor = 0;
  for (const auto& [z, count] : composition) divisor = std::gcd(divisor, count);
  Composition result = composition;
  if (divisor > 1) {
    for (auto& [z, count] : result) count /= divisor;
  }
  return result;
}

int formula_units(const Composition& composition) {
  int divisor = 0;
  for (const auto& [z, count] : composition) divisor = std::gcd(divisor, count);
  // peroxides and diatomic gases count two of the simplest units as one
  const std::string text = formula(composition);
  const bool doubled = std::any_of(std::begin(kSpecial), std::end(kSpecial),
                                   [&](const auto& pair) { return pair.second == text; });
  return std::max(1, doubled ? divisor / 2 : divisor);
}

std::string formula(const Composition& composition) {
  const Composition simplest = reduced(composition);
  std::vector<std::pair<int, int>> terms(simplest.begin(), simplest.end());
  std::sort(terms.begin(), terms.end(), [](const auto& one, const auto& other) {
    return std::pair(formula_rank(one.first), symbol(one.first)) <
           std::pair(formula_rank(other.first), symbol(other.first));
  });

  // the two most electronegative elements may form a group
  std::string group;
  if (terms.size() >= 3) {
    const auto [z1, count1] = terms[terms.size() - 2];
    const auto [z2, count2] = terms[terms.size() - 1];
    const int factor = std::gcd(count1, count2);
    // written so that an unknown electronegativity (NaN) makes no group
    if (factor > 1 && element(z2).electronegativity - element(z1).electronegativity < 1.65) {
      group = "(" + one_term(z1, count1 / factor) + one_term(z2, count2 / factor) + ")" +
              std::to_string(factor);
      terms.resize(terms.size() - 2);
    }
  }
  std::string text;
  for (const auto& [z, count] : terms) text += one_term(z, count);
  text += group;

  for (const auto& [plain, usual] : kSpecial) {
    if (text == plain) return std::string(usual);
  }
  return text;
}

double wrap_fraction(double x) {
  const double wrapped = x - std::floor(x);
  return wrapped < 1 ? wrapped : 0;  // -1e-20 - floor is 1
}

}  // namespace anneal
