// The elements of the crystals over the periodic table.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "cif/elements.h"
#include "launch/report_html.h"
#include "launch/score_report_plots.h"

namespace anneal {
namespace {

struct Place {
  int row, column;  // from 1
};

/// Where an element stands in the table of 18 groups, lanthanides and actinides below.
Place place_of(int z) {
  if (z == 1) return {1, 1};
  if (z == 2) return {1, 18};
  constexpr int kNoble[] = {2, 10, 18, 36, 54, 86, 118};
  int row = 2;
  while (z > kNoble[row - 1]) ++row;
  const int at = z - kNoble[row - 2], length = kNoble[row - 1] - kNoble[row - 2];
  if (at <= 2) return {row, at};
  if (length == 8) return {row, at + 10};
  if (length == 18) return {row, at};
  if (at <= 17) return {row + 3, at + 1};  // La..Lu, Ac..Lr
  return {row, at - 14};
}

double share_of(const SetFacts& facts, int z) {
  return facts.with_atoms > 0
             ? static_cast<double>(facts.with_element[static_cast<std::size_t>(z)]) /
                   static_cast<double>(facts.with_atoms)
             : 0;
}

/// "12", "3.1", ".04": the percentage in the little space of a box.
std::string short_percent(double share) {
  const double p = 100 * share;
  if (p == 0) return "";
  if (p >= 9.95) return fmt::format("{:.0f}", p);
  if (p >= 0.095) return fmt::format("{:.1f}", p);
  return "&lt;.1";
}

enum class Show { kSet, kReference, kDifference };

std::string grid(const SetFacts& set, const SetFacts* reference, Show show) {
  std::array<double, 119> values{};
  double largest = 0;
  for (int z = 1; z <= kMaxAtomicNumber; ++z) {
    const double ours = share_of(set, z), theirs = reference ? share_of(*reference, z) : 0;
    values[static_cast<std::size_t>(z)] = show == Show::kSet         ? ours
                                          : show == Show::kReference ? theirs
                                                                     : ours - theirs;
    largest = std::max(largest, std::abs(values[static_cast<std::size_t>(z)]));
  }
  std::string boxes;
  for (int z = 1; z <= kMaxAtomicNumber; ++z) {
    const double value = values[static_cast<std::size_t>(z)],
                 strength = largest > 0 ? std::sqrt(std::abs(value) / largest) : 0;
    const auto [row, column] = place_of(z);
    const std::string number = show == Show::kDifference && std::abs(value) >= 0.00095
                                   ? (value > 0 ? "+" : "−") + short_percent(std::abs(value))
                               : show == Show::kDifference ? ""
                                                           : short_percent(value);
    const auto count = show == Show::kReference
                           ? reference->with_element[static_cast<std::size_t>(z)]
                           : set.with_element[static_cast<std::size_t>(z)];
    boxes += fmt::format(
        "<div class='el{}{}' style='grid-area:{}/{}' title='{}: {}{}'><i "
        "style='opacity:{:.3f}'></i><b>{}</b><span>{}</span></div>",
        strength > .62  ? " hot"
        : strength == 0 ? " none"
                        : "",
        show == Show::kDifference && value < 0 ? " less" : "", row, column, symbol(z),
        show == Show::kDifference ? fmt::format("{:+.2f} percentage points", 100 * value)
                                  : percent(value, 2),
        show == Show::kDifference ? "" : fmt::format(", {} crystals", with_commas(count)), strength,
        symbol(z), number);
  }
  boxes +=
      "<div class='series' style='grid-area:6/3'>57–71</div><div class='series' "
      "style='grid-area:7/3'>89–103</div>";
  const std::string end = short_percent(largest);
  const std::string scale =
      show == Show::kDifference
          ? fmt::format(
                "<span class='ramp'>−{0} <i class='diverging'></i> +{0} percentage points</span>",
                end)
          : fmt::format(
                "<span class='ramp'>0 <i></i> {} % of the crystals contain the element</span>",
                end);
  return "<div class='ptable'>" + boxes + "</div><div class='legend'>" + scale + "</div>";
}

}  // namespace

std::string periodic_table(const SetFacts& set, const SetFacts* reference) {
  if (set.with_atoms == 0) return "";
  std::vector<std::pair<double, int>> order;
  for (int z = 1; z <= kMaxAtomicNumber; ++z) {
    if (set.with_element[static_cast<std::size_t>(z)] > 0 ||
        (reference && reference->with_element[static_cast<std::size_t>(z)] > 0)) {
      order.emplace_back(-share_of(set, z), z);
    }
  }
  std::sort(order.begin(), order.end());
  std::string rows;
  for (const auto& [share, z] : order) {
    rows += fmt::format(
        "<tr><th scope='row'>{}</th><td class='n'>{}</td><td class='n'>{}</td>{}</tr>", symbol(z),
        with_commas(set.with_element[static_cast<std::size_t>(z)]), percent(-share, 2),
        reference ? fmt::format("<td class='n'>{}</td>", percent(share_of(*reference, z), 2)) : "");
  }
  std::string html;
  if (reference) {
    html =
        "<div class='views'><input type='radio' name='elements' id='el-set' checked><label "
        "for='el-set'>judged</label>"
        "<input type='radio' name='elements' id='el-ref'><label for='el-ref'>reference</label>"
        "<input type='radio' name='elements' id='el-diff'><label for='el-diff'>difference</label>"
        "<div class='view v1'>" +
        grid(set, reference, Show::kSet) + "</div><div class='view v2'>" +
        grid(set, reference, Show::kReference) + "</div><div class='view v3'>" +
        grid(set, reference, Show::kDifference) + "</div></div>";
  } else {
    html = grid(set, nullptr, Show::kSet);
  }
  return "<figure class='card wide'>" + html +
         fmt::format(
             "<details><summary>the {} elements in numbers</summary><div class='scroll "
             "tall'><table class='sites'><thead><tr><th scope='col'>element</th>"
             "<th class='n' scope='col'>crystals</th><th class='n' "
             "scope='col'>share</th>{}</tr></thead><tbody>{}</tbody></table></div></details></"
             "figure>\n",
             order.size(), reference ? "<th class='n' scope='col'>reference</th>" : "", rows);
}

}  // namespace anneal
