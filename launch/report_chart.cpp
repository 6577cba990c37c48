#include "launch/report_chart.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "launch/report_html.h"

namespace anneal {
namespace {

constexpr double kWidth = 460, kHeight = 260, kLeft = 44, kRight = 12, kTop = 12, kBottom = 34;

/// Pixel positions of data within the chart's frame.
struct Frame {
  double x0, x1, y0, y1;
  double px(double x) const { return kLeft + (x - x0) / (x1 - x0) * (kWidth - kLeft - kRight); }
  double py(double y) const { return kTop + (y1 - y) / (y1 - y0) * (kHeight - kTop - kBottom); }
};

std::string path_of(const Frame& frame, const std::vector<ChartPoint>& points) {
  std::string d;
  for (const auto& p : points) d += fmt::format("{}{:.1f} {:.1f}", d.empty() ? "M" : "L", frame.px(p.x), frame.py(p.y));
  return d;
}

std::string axes(const Frame& frame, const std::string& x_label) {
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
  return svg + fmt::format("<text class='tick' x='{}' y='{}' text-anchor='end'>{}</text>", kWidth - kRight, kHeight - 3, escape_html(x_label));
}

}  // namespace

std::vector<ChartPoint> thinned(const std::vector<ChartPoint>& points, std::size_t count) {
  if (points.size() <= count) return points;
  std::vector<ChartPoint> out;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t begin = i * points.size() / count, end = (i + 1) * points.size() / count;
    ChartPoint mean{0, 0};
    for (std::size_t k = begin; k < end; ++k) {
      mean.x += points[k].x / static_cast<double>(end - begin);
      mean.y += points[k].y / static_cast<double>(end - begin);
    }
    out.push_back(mean);
  }
  return out;
}

std::string chart(const std::string& label, const std::string& x_label, const std::vector<ChartPoint>& raw, const std::vector<ChartSeries>& series) {
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
                                escape_html(label), axes(frame, x_label));
  std::vector<ChartPoint> inside;
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

}  // namespace anneal
