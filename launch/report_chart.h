// A line chart as SVG for the report's pages; hovering reads values from the JSON beside it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace anneal {

/// A point of a chart.
struct ChartPoint {
  double x, y;
};

/// A line of a chart.
struct ChartSeries {
  std::string name, css;  ///< css: class that gives the colour
  std::vector<ChartPoint> points;
  bool marks = false;     ///< a dot at every point
};

/// At most `count` points, each the mean of a run of neighbours.
std::vector<ChartPoint> thinned(const std::vector<ChartPoint>& points, std::size_t count);

/// The chart with its legend; `raw` is a pale line behind the series, and may be empty.
std::string chart(const std::string& label, const std::string& x_label, const std::vector<ChartPoint>& raw,
                  const std::vector<ChartSeries>& series);

}  // namespace anneal
