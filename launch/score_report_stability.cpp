// Energies over the hull, and what the hull was made of.
#include <fmt/core.h>

#include "launch/report_card.h"
#include "launch/report_html.h"
#include "launch/score_report_plots.h"
#include "launch/score_report_sections.h"
#include "launch/score_report_text.h"

namespace anneal {

using Json = nlohmann::ordered_json;

namespace {

/// What the hull was made of: a row a source, what a reader must know, and why crystals have no energy
/// over it.
std::string hull_table(const Json& summary) {
  const auto found = summary.find("hull");
  if (found == summary.end() || !found->is_object()) return "";
  const auto& hull = *found;
  std::string rows;
  for (const auto& source : hull.value("sources", Json::array())) {
    std::string notes;
    const auto note = [&](const std::string& text) { notes += (notes.empty() ? "" : "; ") + text; };
    const Json functionals = source.value("functionals", Json::object());
    for (const auto& [name, count] : functionals.items()) {
      note(fmt::format("{}: {}", name == "unknown" ? "functional not said" : name, count.dump()));
    }
    if (const auto n = source.value("mp2020_applied", 0); n > 0) note(fmt::format("MP2020 applied to {}", n));
    if (const auto n = source.value("corrections_brought_along", 0); n > 0) note(fmt::format("{} bring corrections", n));
    const auto left_out = source.value("left_out", Json::array());
    if (!left_out.empty()) note("left out: " + left_out[0].get<std::string>() + (left_out.size() > 1 ? ", ..." : ""));
    rows += fmt::format("<tr><td>{}<small>{}</small></td><td class='n'>{}</td><td class='n'>{}</td><td>{}</td></tr>",
                        escape_html(source.value("path", "")), escape_html(source.value("kind", "")),
                        source.value("read", 0), source.value("used", 0), escape_html(notes));
  }
  std::string text = "<h3>What the hull was made of</h3>";
  if (!rows.empty()) {
    text += "<div class='scroll'><table class='numbers'><thead><tr><th>source</th><th class='n'>read</th>"
            "<th class='n'>used</th><th>notes</th></tr></thead><tbody>" + rows + "</tbody></table></div>";
  }
  if (hull.contains("compositions")) {
    text += fmt::format("<p class='lead'>{} compositions, {} elements.</p>", hull.value("compositions", 0), hull.value("elements", 0));
  } else {
    text += fmt::format("<p class='lead'>{}</p>", escape_html(hull.value("reason", "")));
  }
  for (const auto& warning : hull.value("warnings", Json::array())) {
    text += fmt::format("<p class='lead'><b>Note:</b> {}</p>", escape_html(warning.get<std::string>()));
  }
  std::string reasons;
  const Json counted = summary.value("stability_reasons", Json::object());
  for (const auto& [reason, count] : counted.items()) {
    reasons += fmt::format("<tr><td>{}</td><td class='n'>{}</td></tr>", escape_html(reason), count.dump());
  }
  if (!reasons.empty()) {
    text += "<h3>Why some have no energy over it</h3><div class='scroll'><table class='numbers'><tbody>" + reasons + "</tbody></table></div>";
  }
  return text;
}

}  // namespace

std::string stability_section(const ScoreFacts& facts) {
  if (!facts.stability && facts.set.e_above_hull.count() == 0) return "";
  std::string rows;
  const std::pair<const char*, const char*> keys[] = {
      {"metastable_rate", "less than 0.1 eV/atom above the hull"},
      {"stable_rate", "on the hull or below it"},
      {"mean_e_above_hull", "mean energy above the hull, eV/atom"}};
  for (const auto& [key, meaning] : keys) {
    const auto value = number(facts.summary, key);
    if (!value) continue;
    const auto of = denominator_of(facts, key);
    const bool rate = std::string(key).ends_with("_rate");
    rows += fmt::format("<tr><td>{}<small>{}</small></td><td class='n'>{}</td><td>{}</td></tr>",
                        words(key), meaning, rate ? percent(*value) : fmt::format("{:.4f}", *value),
                        escape_html(of.empty() ? "" : "over " + words(of)));
  }
  return section(
      "stability", "Stability",
      "Energies by CHGNet; the hull is the lowest energy that a mixture of the known phases has at "
      "the same composition.",
      "<div class='scroll'><table class='numbers'><tbody>" + rows +
          "</tbody></table></div><div class='cards plots'>" +
          histogram_card(
              {.title = "Energy above the hull", .unit = "eV/atom", .mark = .1, .mark_name = "0.1"},
              facts.set.e_above_hull, nullptr) +
          "</div>" +
          hull_table(facts.summary));
}

}  // namespace anneal
