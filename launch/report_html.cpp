#include "launch/report_html.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "base/text.h"

namespace anneal {

std::string escape_html(std::string_view text) {
  std::string out;
  while (const auto bad = first_invalid_utf8(text)) {
    out += escape_html(text.substr(0, *bad)) + "\xef\xbf\xbd";
    text.remove_prefix(*bad + 1);
  }
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string script_json(std::string json) {
  for (std::size_t at = 0; (at = json.find("</", at)) != std::string::npos; at += 3) json.insert(at + 1, "\\");
  return json;
}

std::string percent(double fraction, int decimals) { return fmt::format("{:.{}f} %", 100 * fraction, decimals); }

std::string short_count(double count) {
  const double size = std::abs(count);
  if (size >= 1e9) return fmt::format("{:.3g} G", count / 1e9);
  if (size >= 1e6) return fmt::format("{:.3g} M", count / 1e6);
  if (size >= 1e4) return fmt::format("{:.3g} k", count / 1e3);
  return fmt::format("{:.0f}", count);
}

std::vector<double> axis_marks(double low, double high, int wanted) {
  if (!(high > low)) return {low};
  const double raw = (high - low) / wanted;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const double nice : {1.0, 2.0, 5.0}) {
    if (nice * power >= raw) {
      step = nice * power;
      break;
    }
  }
  std::vector<double> marks;
  for (double mark = std::ceil(low / step - 1e-9) * step; mark <= high + 1e-9 * step; mark += step) {
    marks.push_back(std::abs(mark) < 1e-12 * step ? 0 : mark);
  }
  return marks;
}

Interval wilson(double successes, double total) {
  if (total <= 0) return {};
  const double z = 1.959963984540054, p = successes / total, z2 = z * z / total;
  const double centre = (p + z2 / 2) / (1 + z2);
  const double half = z / (1 + z2) * std::sqrt(p * (1 - p) / total + z2 / (4 * total));
  return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

}  // namespace anneal
