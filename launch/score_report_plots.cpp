#include "launch/score_report_plots.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/text.h"
#include "launch/report_html.h"

namespace anneal {
namespace {

constexpr double kWidth = 340, kHeight = 186, kLeft = 34, kRight = 6, kTop = 10, kBottom = 32;

std::string counted(double count) { return with_commas(static_cast<std::int64_t>(count)); }

/// A share with as many decimals as it needs: "12.3 %", "0.04 %", "100 %".
std::string share_text(double share) {
  if (share == 0 || share == 1) return percent(share, 0);
  if (share < 0.001) return share < 5e-6 ? "&lt; 0.001 %" : percent(share, 3);
  return percent(share, share < 0.01 ? 2 : 1);
}

/// "median 5.12, nine of ten within 2.0 to 9.9", plain text.
std::string spread(const Histogram& h, const HistogramOptions& options) {
  const auto value = [&](double x) {
    const double rounded = options.whole ? std::round(x) : x;
    if (x >= h.high() - 1e-9)
      return fmt::format("{:.3g} or more", h.high() - (options.whole ? .5 : 0));
    return std::abs(rounded) < 1e-9 ? std::string("0") : fmt::format("{:.3g}", rounded);
  };
  return fmt::format("median {}, nine of ten {} to {}", value(h.quantile(.5)),
                     value(h.quantile(.05)), value(h.quantile(.95)));
}

/// Edges are sums of steps: what is left of zero is zero.
double near_zero(double x) { return std::abs(x) < 1e-9 ? 0 : x; }

struct Binning {
  double from, step;
  int bins;
};

/// About 36 bins over what both histograms hold, but for the last percents at the ends.
Binning binning(const Histogram& set, const Histogram* reference, bool whole) {
  double from = set.quantile(.01), to = set.quantile(.985);
  if (reference) {
    from = std::min(from, reference->quantile(.01));
    to = std::max(to, reference->quantile(.985));
  }
  const double base = set.step();
  from = set.low() + base * std::floor((from - set.low()) / base + 1e-9);
  to = set.low() + base * std::ceil((to - set.low()) / base - 1e-9);
  if (!whole && from > set.low() && from - set.low() < .35 * (to - from))
    from = set.low();  // zero belongs on the axis
  const double wanted = std::max(1.0, std::ceil((to - from) / base / 36 - 1e-9));
  double factor = wanted;
  for (const double nice : {1., 2., 4., 5., 10., 20., 40., 50., 100.}) {
    if (nice >= wanted) {
      factor = nice;
      break;
    }
  }
  // a single value still is a bar among empty places
  const double step = base * factor;
  int bins = std::max(1, static_cast<int>(std::ceil((to - from) / step - 1e-9)));
  while (bins < 6) {
    if (from - step >= set.low() - 1e-9) {
      from -= step;
      ++bins;
    }
    ++bins;
  }
  return {from, step, bins};
}

}  // namespace

std::string rate_rows(const std::vector<RateRow>& rows) {
  std::string html;
  for (const auto& row : rows) {
    const Interval interval = wilson(row.count, row.total);
    const double share = row.total > 0 ? row.count / row.total : 0;
    const std::string value = row.total > 0 ? share_text(share) : "–";
    html += fmt::format(
        "<tr class='{}'><th scope='row'>{}{}</th><td class='track'><div role='img' aria-label='{} "
        "of {}, 95 percent interval {:.1f} to {:.1f} percent'>"
        "<i class='whisker-bar' style='left:{:.2f}%;width:{:.2f}%'></i><i class='point' "
        "style='left:{:.2f}%'></i></div></td>"
        "<td class='n'><b>{}</b><small>{:.1f}–{:.1f}</small></td><td class='n counts'>{}<small>of "
        "{}</small></td></tr>\n",
        row.set.empty() ? "c0" : "c1 other", escape_html(row.set.empty() ? row.name : row.set),
        row.note.empty() ? "" : "<small>" + escape_html(row.note) + "</small>", counted(row.count),
        counted(row.total), 100 * interval.low, 100 * interval.high, 100 * interval.low,
        100 * (interval.high - interval.low), 100 * share, value, 100 * interval.low,
        100 * interval.high, counted(row.count), counted(row.total));
  }
  return "<div class='scroll'><table class='rates'><thead><tr><th scope='col'>crystals that "
         "are</th><th scope='col' class='track'><span "
         "class='scale'><span>0</span><span>25</span><span>50</span><span>75</span>"
         "<span>100 %</span></span></th><th scope='col' class='n'>share<small>95 % "
         "interval</small></th><th scope='col' class='n counts'>counted</th></tr></thead><tbody>" +
         html + "</tbody></table></div>\n";
}

std::string histogram_card(const HistogramOptions& options, const Histogram& set,
                           const Histogram* reference) {
  if (set.count() == 0) return "";
  if (reference && reference->count() == 0) reference = nullptr;
  const auto [from, step, bins] = binning(set, reference, options.whole);
  std::vector<double> shares, others;
  double top = 0, outside = 0;
  for (int i = 0; i < bins; ++i) {
    const double a = from + i * step;
    shares.push_back(static_cast<double>(set.between(a, a + step)) /
                     static_cast<double>(set.count()));
    if (reference)
      others.push_back(static_cast<double>(reference->between(a, a + step)) /
                       static_cast<double>(reference->count()));
    top = std::max({top, shares.back(), reference ? others.back() : 0.0});
    outside += shares.back();
  }
  outside = std::max(0.0, 1 - outside);
  top = std::max(1e-9, top * 1.06);
  const double to = from + bins * step;
  const auto px = [&](double x) {
    return kLeft + (x - from) / (to - from) * (kWidth - kLeft - kRight);
  };
  const auto py = [&](double y) {
    return kHeight - kBottom - y / top * (kHeight - kTop - kBottom);
  };
  std::string svg = fmt::format("<svg viewBox='0 0 {} {}' role='img' aria-label='{}: {}{}'>",
                                kWidth, kHeight, escape_html(options.title), spread(set, options),
                                reference ? "; reference " + spread(*reference, options) : "");
  for (const double mark : axis_marks(0, top, 4)) {
    svg += fmt::format(
        "<line class='grid' x1='{}' x2='{}' y1='{:.1f}' y2='{:.1f}'/><text class='tick' x='{}' "
        "y='{:.1f}' text-anchor='end'>{:.3g}</text>",
        kLeft, kWidth - kRight, py(mark), py(mark), kLeft - 5, py(mark) + 3.5, 100 * mark);
  }
  const double width = (kWidth - kLeft - kRight) / bins;
  for (int i = 0; i < bins; ++i) {
    const double a = from + i * step;
    const double share = shares[static_cast<std::size_t>(i)];
    if (share <= 0) continue;
    const std::string where = options.whole && step == 1 ? fmt::format("{:.0f}", a + .5)
                              : options.whole
                                  ? fmt::format("{:.0f} to {:.0f}", a + .5, a + step - .5)
                                  : fmt::format("{:.4g} to {:.4g}", near_zero(a), near_zero(a + step));
    svg += fmt::format(
        "<rect class='column' x='{:.2f}' y='{:.2f}' width='{:.2f}' height='{:.2f}'><title>{} {}: "
        "{}{}</title></rect>",
        px(a) + .06 * width, py(share), .88 * width, std::max(.8, py(0) - py(share)), where,
        escape_html(options.unit), share_text(share),
        reference ? ", reference " + share_text(others[static_cast<std::size_t>(i)]) : "");
  }
  if (reference) {
    std::string path = fmt::format("M{:.2f} {:.2f}", px(from), py(0));
    for (int i = 0; i < bins; ++i) {
      const double y = py(others[static_cast<std::size_t>(i)]);
      path += fmt::format("L{:.2f} {:.2f}L{:.2f} {:.2f}", px(from + i * step), y,
                          px(from + (i + 1) * step), y);
    }
    svg += fmt::format("<path class='line c1' d='{}L{:.2f} {:.2f}'/>", path, px(to), py(0));
  }
  if (std::isfinite(options.mark) && options.mark > from && options.mark < to) {
    const bool right = px(options.mark) > .72 * kWidth;
    svg += fmt::format(
        "<line class='mark' x1='{0:.1f}' x2='{0:.1f}' y1='{1}' y2='{2:.1f}'/><text class='tick' "
        "x='{3:.1f}' y='{4}'{5}>{6}</text>",
        px(options.mark), kTop - 4, py(0), px(options.mark) + (right ? -4 : 4), kTop + 4,
        right ? " text-anchor='end'" : "", escape_html(options.mark_name));
  }
  svg += fmt::format("<line class='axis' x1='{}' x2='{}' y1='{:.1f}' y2='{:.1f}'/>", kLeft,
                     kWidth - kRight, py(0), py(0));
  for (const double mark : axis_marks(from, to, 6)) {
    if (options.whole && std::abs(mark - std::round(mark)) > 1e-6) continue;
    svg +=
        fmt::format("<text class='tick' x='{:.1f}' y='{:.1f}' text-anchor='middle'>{:.4g}</text>",
                    px(mark), py(0) + 14, mark);
  }
  svg += fmt::format(
      "<text class='tick' x='{}' y='{}' text-anchor='end'>{}</text><text class='tick' x='0' "
      "y='{}'>%</text></svg>",
      kWidth - kRight, kHeight - 3, escape_html(options.unit), kHeight - 3);
  return fmt::format(
      "<figure class='card'><figcaption><b>{}</b></figcaption>{}<p "
      "class='under'>{}{}{}</p></figure>\n",
      escape_html(options.title), svg, spread(set, options),
      reference ? fmt::format("<br><span class='c1 ref'>reference: {}</span>",
                              spread(*reference, options))
                : "",
      outside > 1e-4 ? fmt::format("<br>{} outside the figure", share_text(outside)) : "");
}

std::string count_card(const std::string& title, const std::string& lead,
                       const std::vector<CountRow>& rows, double total, double reference_total,
                       bool with_reference) {
  double largest = 1e-12;
  const auto share = [](double count, double of) { return of > 0 ? count / of : 0; };
  for (const auto& row : rows)
    largest = std::max({largest, share(row.count, total), share(row.reference, reference_total)});
  std::string body;
  for (const auto& row : rows) {
    const double ours = share(row.count, total), theirs = share(row.reference, reference_total);
    body += fmt::format(
        "<tr><td>{}</td><td class='n'>{}</td>{}<td class='bar pair c1'><i class='ours' "
        "style='width:{:.2f}%'></i>{}</td></tr>\n",
        row.name, share_text(ours),
        with_reference ? "<td class='n ref'>" + share_text(theirs) + "</td>" : "",
        100 * ours / largest,
        with_reference
            ? fmt::format("<i class='theirs' style='width:{:.2f}%'></i>", 100 * theirs / largest)
            : "");
  }
  return fmt::format(
      "<figure class='card'><figcaption><b>{}</b><span>{}</span></figcaption><table "
      "class='bars'><thead><tr><th></th><th class='n'>judged</th>{}<th></th></tr></thead>"
      "<tbody>{}</tbody></table></figure>\n",
      escape_html(title), escape_html(lead), with_reference ? "<th class='n'>reference</th>" : "",
      body);
}

}  // namespace anneal
