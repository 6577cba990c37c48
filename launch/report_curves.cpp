// Loss charts (SVG; hovering reads values from the JSON beside each) and the held-out table.
#include <algorithm>
#include <cmath>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "launch/report_html.h"
#include "launch/report_sections.h"

namespace anneal {
namespace {

constexpr double kWidth = 460, kHeight = 260, kLeft = 44, kRight = 12, kTop = 12, kBottom = 34;

struct Point {
  double x, y;
};

struct Series {
  std::string name, css;  ///< css: class that gives the colour
  std::vector<Point> points;
  bool marks = false;     ///< a dot at every point
};

/// At most `count` points, each the mean of a run of neighbours.
std::vector<Point> thinned(const std::vector<Point>& points, std::size_t count) {
  if (points.size() <= count) return points;
  std::vector<Point> out;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t begin = i * points.size() / count, end = (i + 1) * points.size() / count;
    Point mean{0, 0};
    for (std::size_t k = begin; k < end; ++k) {
      mean.x += points[k].x / static_cast<double>(end - begin);
      mean.y += points[k].y / static_cast<double>(end - begin);
    }
    out.push_back(mean);
  }
  return out;
}

/// Centred moving mean over about a thirtieth of the run; the window shrinks at the ends.
std::vector<Point> smoothed(const std::vector<Point>& points) {
  const auto n = static_cast<std::ptrdiff_t>(points.size());
  const std::ptrdiff_t reach = n < 20 ? 0 : std::max<std::ptrdiff_t>(2, n / 60);
  std::vector<Point> out = points;
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    const auto around = std::min({reach, i, n - 1 - i});
    double sum = 0;
    for (auto k = i - around; k <= i + around; ++k) sum += points[static_cast<std::size_t>(k)].y;
    out[static_cast<std::size_t>(i)].y = sum / static_cast<double>(2 * around + 1);
  }
  return out;
}

/// Pixel positions of data within the chart's frame.
struct Frame {
  double x0, x1, y0, y1;
  double px(double x) const { return kLeft + (x - x0) / (x1 - x0) * (kWidth - kLeft - kRight); }
  double py(double y) const { return kTop + (y1 - y) / (y1 - y0) * (kHeight - kTop - kBottom); }
};

std::string path_of(const Frame& frame, const std::vector<Point>& points) {
  std::string d;
  for (const auto& p : points) d += fmt::format("{}{:.1f} {:.1f}", d.empty() ? "M" : "L", frame.px(p.x), frame.py(p.y));
  return d;
}

std::string axes(const Frame& frame) {
  std::string svg;
  for (const double mark : axis_marks(frame.y0, frame.y1, 5)) {
    svg += fmt::format("<line class='grid' x1='{}' x2='{}' y1='{:.1f}' y2='{:.1f}'/><text class='tick' x='{}' y='{:.1f}' "
                       "text-anchor='end'>{:.4g}</text>", kLeft, kWidth - kRight, frame.py(mark), frame.py(mark),
                       kLeft - 6, frame.py(mark) + 3.5, mark);
  }
  for (const double mark : axis_marks(frame.x0, frame.x1, 4)) {
    svg += fmt::format("<text class='tick' x='{:.1f}' y='{}' text-anchor='middle'>{}</text>", frame.px(mark),
                       kHeight - kBottom + 16, short_count(mark));
  }
  return svg + fmt::format("<text class='tick' x='{}' y='{}' text-anchor='end'>tokens</text>", kWidth - kRight, kHeight - 3);
}

std::string chart(const std::string& label, const std::vector<Point>& raw, const std::vector<Series>& series) {
  Frame frame{0, 1, 1e300, -1e300};
  for (const auto& s : series) {
    for (const auto& p : s.points) {
      frame.x1 = std::max(frame.x1, p.x);
      frame.y0 = std::min(frame.y0, p.y);
      frame.y1 = std::max(frame.y1, p.y);
    }
  }
  const double margin = std::max(0.06 * (frame.y1 - frame.y0), 0.005);
  frame.y0 -= margin;
  frame.y1 += margin;
  std::string svg = fmt::format("<svg viewBox='0 0 {} {}' role='img' aria-label='{}'>{}", kWidth, kHeight,
                                escape_html(label), axes(frame));
  std::vector<Point> inside;
  for (const auto& p : thinned(raw, 500)) inside.push_back({p.x, std::clamp(p.y, frame.y0, frame.y1)});
  if (inside.size() > 1) svg += fmt::format("<path class='raw' d='{}'/>", path_of(frame, inside));
  nlohmann::json data = {{"frame", {frame.x0, frame.x1, frame.y0, frame.y1}}, {"series", nlohmann::json::array()}};
  std::string legend;
  for (const auto& s : series) {
    svg += fmt::format("<path class='line {}' d='{}'/>", s.css, path_of(frame, s.points));
    nlohmann::json points = nlohmann::json::array();
    for (const auto& p : s.points) {
      if (s.marks) svg += fmt::format("<circle class='dot {}' cx='{:.1f}' cy='{:.1f}' r='3'/>", s.css, frame.px(p.x), frame.py(p.y));
      points.push_back({std::round(p.x), std::round(p.y * 1e5) / 1e5});
    }
    data["series"].push_back({{"name", s.name}, {"css", s.css}, {"points", points}});
    legend += fmt::format("<span class='key'><i class='{}'></i>{}</span>", s.css, escape_html(s.name));
  }
  return fmt::format("<div class='chart'>{}<line class='cursor' y1='{}' y2='{}'/></svg><div class='tip' hidden></div>"
                     "<script type='application/json'>{}</script></div><div class='legend'>{}</div>\n",
                     svg, kTop, kHeight - kBottom, script_json(data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)), legend);
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
    std::vector<Point> raw;
    for (const auto& s : stage.steps) raw.push_back({s.tokens > 0 ? s.tokens : static_cast<double>(s.step), s.loss});
    std::vector<Series> series = {{"training", "c0", thinned(smoothed(raw), 240)}};
    for (const auto& [split, points] : stage.heldout) {
      const int colour = colours.emplace(split, static_cast<int>(colours.size())).first->second;
      Series line{"held-out: " + split, fmt::format("c{}", 1 + colour % 6), {}, /*marks=*/true};
      for (const auto& p : points) line.points.push_back({p.tokens, p.loss});
      series.push_back(line);
    }
    const auto& last = stage.steps.back();
    cards += fmt::format("<figure class='card'><figcaption><b>{}</b><span>{} steps, {} tokens, {} tokens/s</span></figcaption>{}</figure>\n",
                         escape_html(stage.name), last.step, short_count(last.tokens), short_count(last.tokens_per_second),
                         chart("loss of " + stage.name, raw, series));
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
