#include "cif/symmetry/symmetrized_cif.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <iterator>
#include <vector>

#include "cif/cif_file.h"
#include "cif/elements.h"

namespace anneal {
namespace {

constexpr double kSameSite = 1e-3;  // fractional; the standard cell is idealised to much less

std::array<double, 3> apply(const SymmetryOperation& op, const Fractional& p) {
  std::array<double, 3> image;
  for (int i = 0; i < 3; ++i) {
    const auto& r = op.rotation[i];
    image[i] = r[0] * p.x + r[1] * p.y + r[2] * p.z + op.translation[i];
  }
  return image;
}

bool same(const std::array<double, 3>& p, const Fractional& q) {
  const auto near = [](double d) { return std::abs(d - std::nearbyint(d)) < kSameSite; };
  return near(p[0] - q.x) && near(p[1] - q.y) && near(p[2] - q.z);
}

/// "-x+1/2, y, z".
std::string triplet(const SymmetryOperation& op) {
  std::string text;
  for (int i = 0; i < 3; ++i) {
    if (i > 0) text += ", ";
    std::string row;
    for (int k = 0; k < 3; ++k) {
      const int r = op.rotation[i][k];
      if (r == 0) continue;
      row += r < 0 ? "-" : row.empty() ? "" : "+";
      row += "xyz"[k];
    }
    // translations of the 530 settings are multiples of 1/24 at most
    int numerator = static_cast<int>(std::lround(op.translation[i] * 24)), denominator = 24;
    numerator = (numerator % 24 + 24) % 24;
    while (numerator % 2 == 0 && denominator % 2 == 0 && numerator != 0)
      numerator /= 2, denominator /= 2;
    while (numerator % 3 == 0 && denominator % 3 == 0 && numerator != 0)
      numerator /= 3, denominator /= 3;
    if (numerator != 0) row += fmt::format("+{}/{}", numerator, denominator);
    text += row;
  }
  return text;
}

/// Within half a printed digit of 0: no "-0.00000000" and no "1.00000000".
double printed(double x) {
  const double rounded = std::nearbyint(x * 1e8) / 1e8;
  return rounded >= 1 || rounded == 0 ? 0 : rounded;
}

}  // namespace

std::string write_symmetrized_cif(const SpaceGroup& group, std::string_view name) {
  const Crystal& crystal = group.conventional;
  const auto operations = symmetry_operations(group.hall_number);
  std::string sites;
  std::vector<bool> made(crystal.sites.size());
  for (std::size_t i = 0; i < crystal.sites.size(); ++i) {
    if (made[i]) continue;
    const auto& [z, p] = crystal.sites[i];
    int multiplicity = 0;
    for (const auto& op : operations) {
      const auto image = apply(op, p);
      for (std::size_t j = i; j < crystal.sites.size(); ++j) {
        if (!made[j] && crystal.sites[j].atomic_number == z &&
            same(image, crystal.sites[j].position)) {
          made[j] = true;
          ++multiplicity;
        }
      }
    }
    sites += fmt::format("  {0}  {0}{1}  {2}  {3:.8f}  {4:.8f}  {5:.8f}  1\n", symbol(z), i,
                         multiplicity, printed(p.x), printed(p.y), printed(p.z));
  }
  // the head of a P 1 file, its group and operations exchanged
  std::string text = write_cif(crystal, name);
  const auto exchange = [&](std::string_view from, const std::string& to) {
    const auto at = text.find(from);
    text.replace(at, from.size(), to);
  };
  exchange("H-M   'P 1'", fmt::format("H-M   '{}'", group.symbol));
  exchange("Int_Tables_number   1\n", fmt::format("Int_Tables_number   {}\n", group.number));
  std::string listed;
  for (std::size_t k = 0; k < operations.size(); ++k) {
    listed += fmt::format("  {}  '{}'\n", k + 1, triplet(operations[k]));
  }
  exchange("  1  'x, y, z'\n", listed);
  const std::string_view last = " _atom_site_occupancy\n";
  text.resize(text.find(last) + last.size());
  return text + sites;
}

}  // namespace anneal
