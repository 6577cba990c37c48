// The table that ends a run in the terminal.
#include <algorithm>

#include <fmt/core.h>

#include "base/text.h"
#include "launch/report.h"
#include "launch/report_html.h"
#include "launch/report_sections.h"

namespace anneal {
namespace {

/// Columns on a terminal that `text` takes: UTF-8 continuation bytes take none.
std::size_t columns(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string rate(double count, double total) {
  if (total <= 0) return "-";
  const Interval interval = wilson(count, total);
  return fmt::format("{} [{:.1f}, {:.1f}]", percent(count / total), 100 * interval.low, 100 * interval.high);
}

}  // namespace

std::string aligned_table(const std::vector<std::vector<std::string>>& rows, const std::vector<bool>& right) {
  std::vector<std::size_t> widths(right.size(), 0);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns(row[i]));
  }
  std::string text;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      const std::string blank(widths[i] - columns(rows[r][i]), ' ');
      line += (i ? "  " : "") + (right[i] ? blank + rows[r][i] : rows[r][i] + blank);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
    if (r > 0) continue;
    std::size_t total = 2 * (widths.size() - 1);
    for (const auto width : widths) total += width;
    for (std::size_t i = 0; i < total; ++i) text += "─";
    text += "\n";
  }
  return text;
}

std::string summary_table(const std::filesystem::path& run_dir) {
  const RunReport run = read_run(run_dir);
  std::vector<std::vector<std::string>> rows = {{"stage", "kind", "status", "time", "result"}};
  double seconds = 0;
  for (const auto& stage : run.stages) {
    seconds += stage.seconds.value_or(0);
    rows.push_back({stage.name, stage.kind, stage.status, stage.seconds ? human_duration(*stage.seconds) : "-", headline(stage)});
  }
  if (run.stages.size() > 1 && seconds > 0) rows.push_back({"together", "", "", human_duration(seconds), ""});
  std::string text = aligned_table(rows, {false, false, false, true, false});
  for (const auto& stage : run.stages) {
    if (stage.validity.empty()) continue;
    rows = {{stage.name + ": crystals", "judged", "structural [95 %]", "compositional [95 %]", "both [95 %]"}};
    for (const auto& v : stage.validity) {
      rows.push_back({v.name, fmt::format("{:.0f}", v.total), rate(v.struct_valid, v.total), rate(v.comp_valid, v.total), rate(v.valid, v.total)});
    }
    text += "\n" + aligned_table(rows, {false, true, true, true, true});
  }
  for (const auto& note : run.notes) text += "note: " + note + "\n";
  return text;
}

}  // namespace anneal
