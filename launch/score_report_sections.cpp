#include "launch/score_report_sections.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "cif/symmetry/space_group.h"
#include "launch/report_card.h"
#include "launch/report_html.h"
#include "launch/score_report_plots.h"
#include "launch/score_report_text.h"

namespace anneal {
namespace {

using Json = nlohmann::ordered_json;

/// Rates that other parts of the score added: "charge_neutral_rate" with a denominator that is a
/// count of the summary.
std::vector<RateRow> further_rates(const ScoreFacts& facts) {
  static const std::set<std::string> known = {"struct_valid_rate", "comp_valid_rate", "valid_rate",
                                              "metastable_rate", "stable_rate"};
  std::vector<RateRow> rows;
  for (const auto& [key, value] : facts.summary.items()) {
    if (!key.ends_with("_rate") || !value.is_number() || known.contains(key)) continue;
    const auto of = denominator_of(facts, key);
    const auto total = number(facts.summary, of);
    if (!total) continue;
    rows.push_back({words(key.substr(0, key.size() - 5)), of == "total" ? "" : "of " + words(of),
                    std::round(value.get<double>() * *total), *total, ""});
  }
  return rows;
}

std::string reason_text(const std::string& reason) { return words(reason); }

/// "P6_3/mmc" with its screw axis lowered.
std::string space_group_html(const std::string& symbol) {
  std::string html;
  for (std::size_t i = 0; i < symbol.size(); ++i) {
    if (symbol[i] == '_' && i + 1 < symbol.size()) {
      html += "<sub>" + escape_html(symbol.substr(++i, 1)) + "</sub>";
    } else {
      html += escape_html(symbol.substr(i, 1));
    }
  }
  return html;
}

std::string energy_line(const JudgedCrystal& judged) {
  std::string text;
  const auto add = [&](const char* name, const std::optional<double>& value, const char* unit) {
    if (value)
      text += fmt::format("{}{} {:.3f} {}", text.empty() ? "" : "<br>", name, *value, unit);
  };
  add("above the hull", judged.e_above_hull, "eV/atom");
  add("energy", judged.energy_per_atom, "eV/atom");
  add("relaxed", judged.relaxed_energy_per_atom, "eV/atom");
  add("largest force", judged.max_force_ev_a, "eV/Å");
  return text.empty() ? "" : "<br>" + text;
}

/// What is wrong with a crystal, or right with it.
std::string why(const ShownCrystal& shown) {
  const Verdict& v = shown.judged.verdict;
  std::string text;
  if (!v.struct_valid) {
    text = v.min_distance_a ? fmt::format("two sites {:.3g} Å apart", *v.min_distance_a)
                            : "no structure";
    if (v.volume_a3 && *v.volume_a3 < 0.1) text = fmt::format("a cell of {:.2g} Å³", *v.volume_a3);
  }
  if (!v.comp_valid) text += (text.empty() ? "" : ", ") + std::string("charges cannot balance");
  if (text.empty()) text = "valid";
  std::string id = v.id == std::to_string(v.index) ? ""
                   : v.id.size() > 80              ? v.id.substr(0, 77) + "..."
                                                   : v.id;
  if (!id.empty()) id = "<br><small class='id'>" + escape_html(id) + "</small>";
  return fmt::format(
      "<p class='why'><b class='{}'>{}</b>{}{}{}</p>", text == "valid" ? "better" : "worse", text,
      v.struct_valid && v.min_distance_a
          ? fmt::format("<br>shortest distance {:.2f} Å{}", *v.min_distance_a,
                        shown.contact
                            ? fmt::format(" ({:.2f} of the covalent radii at the closest contact)",
                                          *shown.contact)
                            : "")
          : "",
      energy_line(shown.judged), id);
}

std::string cards(const std::vector<ShownCrystal>& crystals) {
  std::string html;
  for (const auto& shown : crystals) {
    html +=
        crystal_card(shown.crystal,
                     fmt::format("number {}", with_commas(shown.judged.verdict.index)), why(shown));
  }
  return html;
}

}  // namespace

std::string score_opening(const ScoreFacts& facts) {
  const SetFacts& s = facts.set;
  const double total = static_cast<double>(s.total);
  if (s.total == 1) {
    for (const auto* list : {&facts.best, &facts.worst}) {
      if (!list->empty()) {
        const Verdict& v = (*list)[0].judged.verdict;
        return fmt::format("One crystal, {}: the structure is {}, the composition is {}.",
                           v.formula.value_or("?"), v.struct_valid ? "valid" : "not valid",
                           v.comp_valid ? "valid" : "not valid");
      }
    }
    return s.parsed ? "One crystal."
                    : fmt::format("One text, which is no crystal: {}.",
                                  s.reasons.empty() ? "" : reason_text(s.reasons.begin()->first));
  }
  const auto percent = [](double share) {  // the sign stays with its number
    std::string text = anneal::percent(share);
    text.replace(text.find(' '), 1, "\u00a0");
    return text;
  };
  std::string text = fmt::format(
      "Of {} crystals, {} ({}) could be read; {} are structurally and {} compositionally valid, {} "
      "both.",
      with_commas(s.total), with_commas(s.parsed), percent(static_cast<double>(s.parsed) / total),
      percent(static_cast<double>(s.struct_valid) / total),
      percent(static_cast<double>(s.comp_valid) / total),
      percent(static_cast<double>(s.valid) / total));
  if (const auto metastable = number(facts.summary, "metastable_rate")) {
    text += fmt::format(" {} lie within 0.1 eV/atom of the hull.", percent(*metastable));
  }
  if (const auto novelty = number(facts.summary, "novelty"))
    text += fmt::format(" {} of the valid ones are new beside the reference.", percent(*novelty));
  return text;
}

std::string rates_section(const ScoreFacts& facts) {
  const SetFacts& s = facts.set;
  std::vector<RateRow> rows;
  const auto add = [&](const char* name, const char* note, std::int64_t SetFacts::*count) {
    rows.push_back({name, note, static_cast<double>(s.*count), static_cast<double>(s.total), ""});
    if (facts.reference)
      rows.push_back({name, "", static_cast<double>((*facts.reference).*count),
                      static_cast<double>(facts.reference->total), "reference"});
  };
  add("readable", "a cell and atoms", &SetFacts::parsed);
  add("structurally valid", "no two sites too close, a real volume", &SetFacts::struct_valid);
  add("compositionally valid", "charges can balance", &SetFacts::comp_valid);
  add("valid", "both", &SetFacts::valid);
  for (const char* key : {"metastable_rate", "stable_rate"}) {
    const auto rate = number(facts.summary, key);
    const auto of = denominator_of(facts, key);
    const auto total = number(facts.summary, of.empty() ? "total" : of);
    if (rate && total) {
      rows.push_back(
          {key[0] == 'm' ? "metastable" : "stable",
           key[0] == 'm' ? "less than 0.1 eV/atom above the hull" : "on the hull or below it",
           std::round(*rate * *total), *total, ""});
    }
  }
  for (auto& row : further_rates(facts)) rows.push_back(std::move(row));
  std::string lead =
      "Shares of all that was judged, what could not be read included, unless the row says "
      "otherwise. The pale bar is the 95 % Wilson interval.";
  if (facts.reference &&
      facts.reference_size > static_cast<std::uint64_t>(facts.reference->total)) {
    lead += fmt::format(" Of the reference an even sample was judged ({} of {}).",
                        with_commas(facts.reference->total),
                        with_commas(static_cast<std::int64_t>(facts.reference_size)));
  }
  return section("rates", "Rates", lead, rate_rows(rows));
}

std::string reasons_section(const ScoreFacts& facts) {
  std::vector<std::pair<std::int64_t, std::string>> order;
  for (const auto& [name, count] : facts.set.reasons) order.emplace_back(-count, name);
  std::sort(order.begin(), order.end());
  std::string rows;
  for (const auto& [negative, name] : order) {
    const double count = static_cast<double>(-negative);
    rows += fmt::format(
        "<tr><td>{}</td><td class='n'>{}</td><td class='n'>{}</td><td class='bar'><i "
        "style='width:{:.2f}%'></i></td></tr>\n",
        escape_html(reason_text(name)), with_commas(-negative),
        percent(count / static_cast<double>(facts.set.total), 2),
        100 * count / static_cast<double>(-order.front().first));
  }
  if (rows.empty()) return "";
  return section(
      "reasons", "Why some could not be read",
      fmt::format("{} of {}; verdicts.jsonl says of each what exactly was wrong.",
                  with_commas(facts.set.total - facts.set.parsed), with_commas(facts.set.total)),
      "<figure class='card'><table class='bars'><thead><tr><th>reason</th><th "
      "class='n'>crystals</th><th class='n'>share</th><th></th></tr></thead><tbody>" +
          rows + "</tbody></table></figure>");
}

std::string extremes_section(const ScoreFacts& facts) {
  std::string html;
  const bool energies = !facts.best.empty() && facts.best[0].judged.e_above_hull.has_value();
  if (!facts.best.empty()) {
    html += fmt::format(
        "<h3>The best</h3><p class='lead'>{}</p><div class='cards three'>{}</div>",
        energies ? "Valid ones with the lowest energy above the hull, each formula once."
                 : fmt::format("Of {} valid ones{}, those whose closest contact is nearest to the "
                               "sum of the covalent radii, each formula once.",
                               with_commas(static_cast<std::int64_t>(facts.best_of)),
                               facts.best_of < static_cast<std::uint64_t>(facts.set.valid)
                                   ? " drawn evenly"
                                   : ""),
        cards(facts.best));
  }
  if (!facts.worst.empty()) {
    html += fmt::format(
        "<h3>The worst</h3><p class='lead'>The structures with the shortest distances{}, then "
        "those whose charges cannot balance; each formula once.</p><div class='cards "
        "three'>{}</div>",
        facts.stability ? ", then those farthest above the hull" : "", cards(facts.worst));
  }
  return section(
      "crystals", "Crystals to look at",
      "Drag to turn, or use the arrow keys; two fingers, the wheel (after a click), or + and − "
      "come nearer; 0 starts again. Atoms on faces, edges and corners are drawn on all of them.",
      html);
}

std::string elements_section(const ScoreFacts& facts) {
  return section("elements", "Elements",
                 fmt::format("Share of the crystals that contain each element, in per cent of the "
                             "{} whose atoms are known. The colour grows with the square root.",
                             with_commas(facts.set.with_atoms)),
                 periodic_table(facts.set, facts.reference ? &*facts.reference : nullptr));
}

std::string distributions_section(const ScoreFacts& facts) {
  const SetFacts& s = facts.set;
  const SetFacts* r = facts.reference ? &*facts.reference : nullptr;
  std::string plots =
      histogram_card(
          {.title = "Atoms in the cell", .unit = "atoms", .whole = true, .mark_name = ""}, s.atoms,
          r ? &r->atoms : nullptr) +
      histogram_card(
          {.title = "Different elements", .unit = "elements", .whole = true, .mark_name = ""},
          s.elements, r ? &r->elements : nullptr) +
      histogram_card({.title = "Density", .unit = "g/cm³", .mark_name = ""}, s.density,
                     r ? &r->density : nullptr) +
      histogram_card({.title = "Shortest distance between two sites",
                      .unit = "Å",
                      .mark = .5,
                      .mark_name = "0.5 Å"},
                     s.distance, r ? &r->distance : nullptr) +
      histogram_card({.title = "Volume of an atom", .unit = "Å³", .mark_name = ""}, s.atom_volume,
                     r ? &r->atom_volume : nullptr);
  if (plots.empty()) return "";
  if (s.with_space_group > 0) {
    const double total = static_cast<double>(s.with_space_group),
                 reference_total = r ? static_cast<double>(r->with_space_group) : 0;
    std::vector<CountRow> systems;
    for (const char* name : {"triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal",
                             "hexagonal", "cubic"})
      systems.push_back({name});
    std::vector<std::pair<double, int>> groups;
    for (int group = 1; group <= 230; ++group) {
      const auto at = static_cast<std::size_t>(group);
      const double ours = static_cast<double>(s.space_groups[at]),
                   theirs = r ? static_cast<double>(r->space_groups[at]) : 0;
      for (auto& row : systems) {
        if (row.name != crystal_system(group)) continue;
        row.count += ours;
        row.reference += theirs;
      }
      const double weight = ours / total + (reference_total > 0 ? theirs / reference_total : 0);
      if (weight > 0) groups.emplace_back(-weight, group);
    }
    std::sort(groups.begin(), groups.end());
    std::vector<CountRow> rows;
    for (std::size_t i = 0; i < groups.size() && i < 12; ++i) {
      const auto at = static_cast<std::size_t>(groups[i].second);
      const auto named = s.space_group_symbols.find(groups[i].second);
      const std::string symbol = named != s.space_group_symbols.end() ? named->second
                                 : r ? r->space_group_symbols.at(groups[i].second)
                                     : "";
      rows.push_back({fmt::format("{}&ensp;<small class='inline'>{}</small>",
                                  space_group_html(symbol), groups[i].second),
                      static_cast<double>(s.space_groups[at]),
                      r ? static_cast<double>(r->space_groups[at]) : 0});
    }
    const std::string lead = fmt::format("{} crystals{}", with_commas(s.with_space_group),
                                         s.with_space_group < s.parsed ? ", drawn evenly" : "");
    plots += count_card("Crystal systems", lead, systems, total, reference_total, r != nullptr) +
             count_card(fmt::format("Space groups: {} of {} found", rows.size(), groups.size()),
                        lead, rows, total, reference_total, r != nullptr);
  }
  std::string lead = "Shares in per cent of the crystals that could be read.";
  if (s.with_space_group > 0) lead += " Space groups are found by spglib within 0.1 Å.";
  return section("distributions", "Sizes, densities, distances, symmetry", lead,
                 (r ? "<div class='legend'><span class='key c0'><i class='box'></i>judged "
                      "(bars)</span><span class='key c1'><i></i>reference (line)</span></div>"
                    : "") +
                     std::string("<div class='cards plots'>") + plots + "</div>");
}

std::string comparison_section(const ScoreFacts& facts) {
  struct Key {
    const char *name, *meaning;
    bool share;
  };
  static const Key keys[] = {
      {"cov_recall", "reference crystals that some valid crystal is like", true},
      {"cov_precision", "valid crystals that are like some reference crystal", true},
      {"cov_recall_cdvae", "the same recall with CDVAE's denominators", true},
      {"cov_precision_cdvae", "the same precision over all that was generated", true},
      {"novelty",
       "farther from every reference crystal than the cutoff, in structure or composition", true},
      {"struct_novelty", "... in structure", true},
      {"comp_novelty", "... in composition", true},
      {"novelty_by_matching", "no reference crystal matches", true},
      {"uniqueness", "no earlier crystal of the set matches", true},
      {"unique_and_novel", "both by matching", true},
      {"struct_diversity", "mean distance of two structure fingerprints", false},
      {"comp_diversity", "mean distance of two composition fingerprints", false},
      {"amsd_recall", "mean distance of reference structures to the nearest valid one", false},
      {"amsd_precision", "mean distance of valid structures to the nearest reference", false},
      {"amcd_recall", "the same of compositions, from the reference", false},
      {"amcd_precision", "the same of compositions, from the valid ones", false},
      {"wdist_density", "Wasserstein distance of the densities, g/cm³", false},
      {"wdist_num_elems", "Wasserstein distance of the numbers of elements", false}};
  std::string rows;
  for (const auto& [name, meaning, share] : keys) {
    const auto value = number(facts.summary, name);
    if (!value) continue;
    const auto of = denominator_of(facts, name);
    std::string interval;
    if (const auto total = number(facts.summary, of); share && total && *total > 0) {
      const Interval w = wilson(std::round(*value * *total), *total);
      interval = fmt::format("<small>{:.1f}–{:.1f}</small>", 100 * w.low, 100 * w.high);
      rows +=
          fmt::format("<tr><td>{}<small>{}</small></td><td class='n'>{}{}</td><td>{} {}</td></tr>",
                      words(name), meaning, percent(*value), interval,
                      with_commas(static_cast<std::int64_t>(*total)), escape_html(words(of)));
    } else {
      rows += fmt::format(
          "<tr><td>{}<small>{}</small></td><td class='n'>{}</td><td>{}</td></tr>", words(name),
          meaning, share ? percent(*value) : fmt::format("{:.4g}", *value), escape_html(words(of)));
    }
  }
  if (rows.empty()) return "";
  return section(
      "comparison", "Beside the reference: coverage, novelty, diversity",
      (facts.reference_input.empty()
           ? ""
           : "Compared with <code>" + escape_html(facts.reference_input.string()) + "</code>. ") +
          std::string("Small numbers below a share are its 95 % Wilson interval."),
      "<div class='scroll'><table class='numbers'><thead><tr><th scope='col'>measure</th><th "
      "scope='col' class='n'>value</th><th scope='col'>over</th></tr></thead><tbody>" +
          rows + "</tbody></table></div>");
}

std::string rules_section(const ScoreFacts& facts) {
  std::string rows;
  if (const auto rules = facts.summary.find("rules");
      rules != facts.summary.end() && rules->is_object()) {
    for (const auto& [name, rule] : rules->items()) {
      rows += fmt::format("<tr><th scope='row'>{}</th><td>{}</td></tr>", escape_html(words(name)),
                          escape_html(rule.is_string() ? rule.get<std::string>() : rule.dump()));
    }
  }
  std::string html = rows.empty() ? ""
                                  : "<div class='scroll'><table class='versions'><tbody>" + rows +
                                        "</tbody></table></div>";
  html += "<details><summary>summary.json</summary><pre>" +
          escape_html(facts.summary.dump(2, ' ', false, Json::error_handler_t::replace)) +
          "</pre></details>";
  return section("rules", "Rules", "What the words above mean exactly, as summary.json has it.",
                 html);
}

}  // namespace anneal
