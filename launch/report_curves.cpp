// Loss charts and the held-out table.
#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "launch/report_chart.h"
#include "launch/report_html.h"
#include "launch/report_sections.h"

namespace anneal {
namespace {

/// Centred moving mean over about a thirtieth of the run; the window shrinks at the ends.
std::vector<ChartPoint> smoothed(const std::vector<ChartPoint>& points) {
  const auto n = static_cast<std::ptrdiff_t>(points.size());
  const std::ptrdiff_t reach = n < 20 ? 0 : std::max<std::ptrdiff_t>(2, n / 60);
  std::vector<ChartPoint> out = points;
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    const auto around = std::min({reach, i, n - 1 - i});
    double sum = 0;
    for (auto k = i - around; k <= i + around; ++k) sum += points[static_cast<std::size_t>(k)].y;
    out[static_cast<std::size_t>(i)].y = sum / static_cast<double>(2 * around + 1);
  }
  return out;
}

std::string signed_change(double change) { return fmt::format("{}{:.3f}", change < 0 ? "−" : "+", std::abs(change)); }

}  // namespace

bool is_general_text(const std::string& split) {
  for (const char* word : {"general", "redpajama", "wiki", "english"}) {
    if (split.find(word) != std::string::npos) return true;
  }
  return false;
}

std::string loss_section(const RunReport& run) {
  std::string cards;
  std::map<std::string, int> colours;  // a split keeps its colour from stage to stage
  for (const auto& stage : run.stages) {
    if (stage.steps.size() < 2) continue;
    std::vector<ChartPoint> raw;
    for (const auto& s : stage.steps) raw.push_back({s.tokens > 0 ? s.tokens : static_cast<double>(s.step), s.loss});
    std::vector<ChartSeries> series = {{"training", "c0", thinned(smoothed(raw), 240)}};
    for (const auto& [split, points] : stage.heldout) {
      const int colour = colours.emplace(split, static_cast<int>(colours.size())).first->second;
      ChartSeries line{"held-out: " + split, fmt::format("c{}", 1 + colour % 6), {}, /*marks=*/true};
      for (const auto& p : points) line.points.push_back({p.tokens, p.loss});
      series.push_back(line);
    }
    const auto& last = stage.steps.back();
    cards += fmt::format("<figure class='card'><figcaption><b>{}</b><span>{} steps, {} tokens, {} tokens/s</span></figcaption>{}</figure>\n",
                         escape_html(stage.name), last.step, short_count(last.tokens), short_count(last.tokens_per_second),
                         chart("loss of " + stage.name, "tokens", raw, series));
  }
  if (cards.empty()) return "";
  return "<section id='loss'><h2>Losses</h2><p class='lead'>Cross-entropy per token (nats) over the tokens seen. The pale line "
         "is every step, the strong one its moving mean; dots are held-out text.</p><div class='cards'>" + cards + "</div></section>\n";
}

std::string heldout_section(const RunReport& run) {
  std::string rows, sentences;
  double widest = 1e-9;
  for (const auto& stage : run.stages) {
    for (const auto& [split, points] : stage.heldout) widest = std::max(widest, std::abs(points.back().loss - points.front().loss));
  }
  for (const auto& stage : run.stages) {
    bool first = true;
    for (const auto& [split, points] : stage.heldout) {
      const double before = points.front().loss, after = points.back().loss, change = after - before;
      const bool general = is_general_text(split), single = points.size() < 2;
      const double half = 46 * std::abs(change) / widest;  // the bar grows from the middle
      rows += fmt::format("<tr{}><th>{}</th><td>{}{}</td><td class='n'>{:.3f}</td><td class='n'>{}</td><td class='n {}'>{}</td>"
                          "<td class='delta'><svg viewBox='0 0 100 10'><line class='axis' x1='50' x2='50' y1='0' y2='10'/>"
                          "<rect class='{}' x='{:.1f}' y='2' width='{:.1f}' height='6'/></svg></td><td class='n'>{}</td></tr>\n",
                          first ? " class='first'" : "", first ? escape_html(stage.name) : "", escape_html(split),
                          general ? " <span class='tag'>general</span>" : "", before, single ? "–" : fmt::format("{:.3f}", after),
                          change > 0 ? "worse" : "better", single ? "–" : signed_change(change), change > 0 ? "worse" : "better",
                          change > 0 ? 50.0 : 50 - half, half,
                          single ? "–" : fmt::format("{:.4g} → {:.4g}", std::exp(before), std::exp(after)));
      first = false;
      if (!general || single) continue;
      sentences += fmt::format("<p class='{}'><b>{}</b>: the held-out loss of general text (<i>{}</i>) {} from {:.3f} to {:.3f} ({}): {}.</p>",
                               change > 0.005 ? "forgot" : "kept", escape_html(stage.name), escape_html(split),
                               change > 0.005 ? "rose" : change < -0.005 ? "fell" : "stayed", before, after, signed_change(change),
                               change > 0.005 ? "forgetting" : "nothing forgotten");
    }
  }
  if (rows.empty()) return "";
  return "<section id='heldout'><h2>Held-out text, before and after</h2><p class='lead'>Loss (nats per token) on text that was never "
         "trained on, at the start and the end of each stage. Bars to the left are improvement, to the right forgetting.</p>"
         "<div class='scroll'><table><thead><tr><th>stage</th><th>held-out split</th><th class='n'>before</th><th class='n'>after</th>"
         "<th class='n'>change</th><th></th><th class='n'>perplexity</th></tr></thead><tbody>" + rows + "</tbody></table></div>" + sentences + "</section>\n";
}

}  // namespace anneal
