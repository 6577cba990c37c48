// Overview of the stages, mixture, validity, recipes.
#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "base/text.h"
#include "launch/report_html.h"
#include "launch/report_sections.h"

namespace anneal {
namespace {

struct Metric {
  const char* name;
  double Validity::*count;
};
constexpr Metric kMetrics[] = {{"structural", &Validity::struct_valid}, {"compositional", &Validity::comp_valid}, {"both", &Validity::valid}};

/// One panel: a row with dot and 95 % whisker for every set.
std::string interval_panel(const Metric& metric, const std::vector<Validity>& sets) {
  const double left = 128, right = 278, row = 24, top = 4;
  const double bottom = top + row * static_cast<double>(sets.size());
  const auto px = [&](double fraction) { return left + fraction * (right - left); };
  std::string svg = fmt::format("<svg viewBox='0 0 320 {:.0f}' role='img' aria-label='{} validity'>", bottom + 24, metric.name);
  for (const double mark : {0.0, 0.25, 0.5, 0.75, 1.0}) {
    svg += fmt::format("<line class='grid' x1='{0:.1f}' x2='{0:.1f}' y1='{1}' y2='{2}'/><text class='tick' x='{0:.1f}' y='{3}' text-anchor='middle'>{4:.0f}</text>",
                       px(mark), top, bottom, bottom + 15, 100 * mark);
  }
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const auto& set = sets[i];
    const double y = top + row * (static_cast<double>(i) + 0.5), fraction = set.total > 0 ? set.*metric.count / set.total : 0;
    const Interval interval = wilson(set.*metric.count, set.total);
    svg += fmt::format("<text class='label' x='{}' y='{:.1f}' text-anchor='end'>{}</text><line class='whisker c{}' x1='{:.1f}' x2='{:.1f}' y1='{:.1f}' y2='{:.1f}'/>"
                       "<circle class='dot c{}' cx='{:.1f}' cy='{:.1f}' r='3.6'><title>{}: {:.0f} of {:.0f}, 95 % interval {} to {}</title></circle>"
                       "<text class='value' x='{}' y='{:.1f}'>{:.1f}</text>",
                       left - 8, y + 4, escape_html(set.name), i, px(interval.low), px(interval.high), y, y, i, px(fraction), y,
                       escape_html(set.name), set.*metric.count, set.total, percent(interval.low), percent(interval.high), right + 10, y + 4, 100 * fraction);
  }
  return svg + "</svg>";
}

std::string reasons_list(const std::map<std::string, double>& reasons, double total) {
  std::vector<std::pair<double, std::string>> sorted;
  for (const auto& [name, count] : reasons) sorted.emplace_back(-count, name);
  std::sort(sorted.begin(), sorted.end());
  std::string rows;
  for (const auto& [negative, name] : sorted) {
    std::string words = name;
    std::replace(words.begin(), words.end(), '_', ' ');
    rows += fmt::format("<tr><td>{}</td><td class='n'>{:.0f}</td><td class='n'>{}</td><td class='bar'><i style='width:{:.1f}%'></i></td></tr>\n",
                        escape_html(words), -negative, percent(-negative / total), 100 * negative / sorted.front().first);
  }
  return "<table class='bars'><tbody>" + rows + "</tbody></table>";
}

std::string validity_table(const std::vector<Validity>& sets) {
  std::string rows;
  for (const auto& set : sets) {
    rows += fmt::format("<tr><th>{}</th><td class='n'>{:.0f}</td><td class='n'>{:.0f}</td>", escape_html(set.name), set.total, set.parsed);
    for (const auto& metric : kMetrics) {
      const Interval interval = wilson(set.*metric.count, set.total);
      rows += fmt::format("<td class='n'>{}<small>{:.1f}–{:.1f}</small></td>", set.total > 0 ? percent(set.*metric.count / set.total) : "–",
                          100 * interval.low, 100 * interval.high);
    }
    rows += "</tr>\n";
  }
  return "<div class='scroll'><table><thead><tr><th>crystals</th><th class='n'>judged</th><th class='n'>parsed</th><th class='n'>structural</th>"
         "<th class='n'>compositional</th><th class='n'>both</th></tr></thead><tbody>" + rows + "</tbody></table></div>";
}

}  // namespace

std::string headline(const StageReport& stage) {
  if (!stage.validity.empty() && stage.validity[0].total > 0) {
    const auto& v = stage.validity[0];
    return fmt::format("{} structurally, {} compositionally valid, of {:.0f}", percent(v.struct_valid / v.total),
                       percent(v.comp_valid / v.total), v.total);
  }
  if (!stage.steps.empty()) {
    const auto& last = stage.steps.back();
    std::string text = fmt::format("{} steps, {} tokens", last.step, short_count(last.tokens));
    for (const auto& [split, points] : stage.heldout) {
      text += fmt::format("; {} {:.3f}", split, points.front().loss);
      if (points.size() > 1) text += fmt::format(" → {:.3f}", points.back().loss);
    }
    if (stage.heldout.empty()) text += fmt::format("; loss {:.3f} → {:.3f}", stage.steps.front().loss, last.loss);
    return text;
  }
  // Other stages say of themselves what they did.
  std::string text;
  int shown = 0;
  if (!stage.metrics.is_object()) return text;
  for (const auto& [key, value] : stage.metrics.items()) {
    if (!value.is_number() || shown++ == 4) continue;
    std::string words = key;
    std::replace(words.begin(), words.end(), '_', ' ');
    text += (text.empty() ? "" : ", ") + words + " " + (value.is_number_integer() ? with_commas(value.get<std::int64_t>()) : fmt::format("{:.4g}", value.get<double>()));
  }
  return text;
}

std::string overview_section(const RunReport& run) {
  std::string rows;
  for (const auto& stage : run.stages) {
    rows += fmt::format("<tr><th>{}</th><td>{}</td><td><span class='status s-{}'>{}</span></td><td class='n'>{}</td><td>{}</td></tr>\n",
                        escape_html(stage.name), escape_html(stage.kind), escape_html(stage.status), escape_html(stage.status),
                        stage.seconds ? human_duration(*stage.seconds) : "–", escape_html(headline(stage)));
  }
  if (rows.empty()) return "";
  return "<section id='stages'><h2>Stages</h2><div class='scroll'><table class='stages'><thead><tr><th>stage</th><th>kind</th><th>status</th><th class='n'>time</th>"
         "<th>result</th></tr></thead><tbody>" + rows + "</tbody></table></div></section>\n";
}

std::string mixture_section(const RunReport& run) {
  std::string cards;
  for (const auto& stage : run.stages) {
    if (stage.sources.empty()) continue;
    double largest = 1e-9, tokens = 0;
    for (const auto& s : stage.sources) {
      largest = std::max({largest, s.wanted, s.written});
      tokens += s.tokens;
    }
    std::string rows;
    for (const auto& s : stage.sources) {
      rows += fmt::format("<tr><th>{}</th><td class='n'>{}</td><td class='n'>{}</td><td class='n'>{}</td><td class='bar pair'><i class='want' style='width:{:.2f}%'></i>"
                          "<i style='width:{:.2f}%'></i></td></tr>\n", escape_html(s.name), percent(s.wanted, 2), percent(s.written, 2),
                          short_count(s.tokens), 100 * s.wanted / largest, 100 * s.written / largest);
    }
    cards += fmt::format("<figure class='card'><figcaption><b>{}</b><span>{} training tokens</span></figcaption><table class='bars'><thead><tr><th>source</th>"
                         "<th class='n'>wanted</th><th class='n'>written</th><th class='n'>tokens</th><th></th></tr></thead><tbody>{}</tbody></table></figure>\n",
                         escape_html(stage.name), short_count(tokens), rows);
  }
  if (cards.empty()) return "";
  return "<section id='mixture'><h2>Mixture</h2><p class='lead'>Share of the training tokens by source: wanted (pale) and written.</p><div class='cards'>" +
         cards + "</div></section>\n";
}

std::string validity_section(const RunReport& run) {
  std::string html;
  for (const auto& stage : run.stages) {
    if (stage.validity.empty()) continue;
    html += fmt::format("<h3>{}</h3><div class='cards three'>", escape_html(stage.name));
    for (const auto& metric : kMetrics) {
      html += fmt::format("<figure class='card'><figcaption><b>{}</b><span>% valid</span></figcaption>{}</figure>", metric.name, interval_panel(metric, stage.validity));
    }
    html += "</div>" + validity_table(stage.validity) + "<div class='cards'>";
    for (const auto& set : stage.validity) {
      if (set.reasons.empty() || set.total <= 0) continue;
      html += fmt::format("<figure class='card'><figcaption><b>Why rejected: {}</b><span>{:.0f} of {:.0f} do not parse</span></figcaption>{}</figure>",
                          escape_html(set.name), set.total - set.parsed, set.total, reasons_list(set.reasons, set.total));
    }
    html += "</div>";
  }
  if (html.empty()) return "";
  return "<section id='validity'><h2>Generated crystals: validity</h2><p class='lead'>Structural: no two atoms closer than the cutoff, a real volume. "
         "Compositional: charges can balance (SMACT rule). Rates are over all samples, those that do not parse included; whiskers are 95 % Wilson intervals.</p>" + html + "</section>\n";
}

std::string recipes_section(const RunReport& run) {
  std::string html, versions;
  if (run.versions.is_object()) {
    for (const auto& [name, value] : run.versions.items()) {
      versions += fmt::format("<tr><th>{}</th><td>{}</td></tr>", escape_html(name), escape_html(value.is_string() ? value.get<std::string>() : value.dump()));
    }
  }
  for (const auto& stage : run.stages) {
    if (stage.recipe.empty()) continue;
    html += fmt::format("<details><summary>{}</summary><pre>{}</pre></details>\n", escape_html(stage.name), escape_html(stage.recipe));
  }
  return "<section id='recipes'><h2>Recipes and versions</h2>" +
         (versions.empty() ? "<p class='lead'>Versions were not recorded in summary.json.</p>" : "<table class='versions'><tbody>" + versions + "</tbody></table>") +
         (html.empty() ? "<p class='lead'>No stage has saved its recipe.</p>" : "<p class='lead'>Each recipe as it was run, every key resolved; with the data it repeats the run.</p>" + html) + "</section>\n";
}

}  // namespace anneal
