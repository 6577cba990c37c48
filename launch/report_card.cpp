#include "launch/report_card.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cif/elements.h"
#include "launch/report_html.h"

namespace anneal {

std::string formula_html(const std::string& formula) {
  std::string html;
  for (std::size_t i = 0; i < formula.size();) {
    const auto end = std::min(formula.size(), formula.find_first_not_of("0123456789", i));
    if (end > i) {
      html += "<sub>" + formula.substr(i, end - i) + "</sub>";
      i = end;
    } else {
      html += escape_html(formula.substr(i++, 1));
    }
  }
  return html;
}

std::string crystal_card(const Crystal& crystal, const std::string& head, const std::string& note) {
  const auto& cell = crystal.cell;
  nlohmann::json data = {{"cell", cell.matrix()},
                         {"sites", nlohmann::json::array()},
                         {"elements", nlohmann::json::object()}};
  for (const auto& [z, count] : crystal.composition()) {
    data["elements"][std::string(symbol(z))] = {
        {"z", z}, {"metal", element(z).smact_metal}, {"count", count}};
  }
  std::string rows;
  for (const auto& site : crystal.sites) {
    const auto& p = site.position;
    const auto rounded = [](double x) { return std::round(x * 1e5) / 1e5; };
    data["sites"].push_back({symbol(site.atomic_number), rounded(p.x), rounded(p.y), rounded(p.z)});
    rows += fmt::format(
        "<tr><th scope='row'>{}</th><td class='n'>{:.3f}</td><td class='n'>{:.3f}</td><td "
        "class='n'>{:.3f}</td></tr>",
        symbol(site.atomic_number), p.x, p.y, p.z);
  }
  const std::string formula = crystal.formula();
  return fmt::format(
      "<figure class='card crystal'><figcaption><b>{}</b><span>{}</span></figcaption>"
      "<canvas tabindex='0' role='img' aria-label='Unit cell of {}, {} sites; arrow keys turn it, "
      "plus and minus change the size, 0 starts again'></canvas>"
      "<div class='legend atoms'></div><script type='application/json'>{}</script>"
      "<p class='cell'>a {:.2f} &ensp;b {:.2f} &ensp;c {:.2f} Å<br>α {:.0f}° &ensp;β {:.0f}° "
      "&ensp;γ {:.0f}°<br>{:.4g} Å³ &ensp;{:.2f} g/cm³</p>{}"
      "<details><summary>{} site{}</summary><div class='scroll tall'><table "
      "class='sites'><thead><tr><th scope='col'><span class='hidden'>element</span></th><th "
      "class='n'>x</th><th class='n'>y</th><th class='n'>z</th></tr></thead>"
      "<tbody>{}</tbody></table></div></details></figure>\n",
      formula_html(formula), head, escape_html(formula), crystal.sites.size(),
      script_json(data.dump()), cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma,
      cell.volume(), crystal.density(), note,
      with_commas(static_cast<std::int64_t>(crystal.sites.size())),
      crystal.sites.size() == 1 ? "" : "s", rows);
}

}  // namespace anneal
