#include "launch/evaluation.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "launch/report_chart.h"
#include "launch/report_html.h"
#include "launch/report_sections.h"

namespace anneal {
using Json = nlohmann::ordered_json;

namespace {

constexpr const char* kEvaluationFormat = "anneal-evaluation";
constexpr int kEvaluationVersion = 1;

std::set<std::string> splits_of(const Evaluation& evaluation) {
  std::set<std::string> splits;
  for (const auto& checkpoint : evaluation.checkpoints) {
    for (const auto& [split, loss] : checkpoint.heldout) splits.insert(split);
  }
  return splits;
}

/// The checkpoint with the lowest mean; -1 if there is none to compare.
std::ptrdiff_t best_checkpoint(const Evaluation& evaluation) {
  std::ptrdiff_t best = -1;
  for (std::size_t i = 0; i < evaluation.checkpoints.size(); ++i) {
    const auto& c = evaluation.checkpoints[i];
    if (c.heldout.empty() || !std::isfinite(c.mean())) continue;
    if (best < 0 || c.mean() < evaluation.checkpoints[static_cast<std::size_t>(best)].mean()) best = static_cast<std::ptrdiff_t>(i);
  }
  return best;
}

/// Header and a row a checkpoint: name, tokens, each split, mean, note.
std::vector<std::vector<std::string>> rows_of(const Evaluation& evaluation) {
  const auto splits = splits_of(evaluation);
  std::vector<std::vector<std::string>> rows(1);
  rows[0] = {"checkpoint", "tokens"};
  rows[0].insert(rows[0].end(), splits.begin(), splits.end());
  rows[0].insert(rows[0].end(), {"mean", ""});
  const auto best = best_checkpoint(evaluation);
  for (std::size_t i = 0; i < evaluation.checkpoints.size(); ++i) {
    const auto& c = evaluation.checkpoints[i];
    std::vector<std::string> row{c.name, short_count(c.tokens)};
    for (const auto& split : splits) {
      const auto found = c.heldout.find(split);
      row.push_back(found == c.heldout.end() ? "-" : fmt::format("{:.4f}", found->second));
    }
    row.push_back(c.heldout.empty() ? "-" : fmt::format("{:.4f}", c.mean()));
    row.push_back(!c.fault.empty()                                                             ? c.fault
                  : static_cast<std::ptrdiff_t>(i) == best && evaluation.checkpoints.size() > 1 ? "best"
                                                                                                : "");
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string html_table(const Evaluation& evaluation) {
  std::string html;
  const auto rows = rows_of(evaluation);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    html += "<tr>";
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      const bool number = i > 0 && i + 1 < rows[r].size();
      html += fmt::format("<{0}{1}>{2}</{0}>", r == 0 || i == 0 ? "th" : "td", number ? " class='n'" : "", escape_html(rows[r][i]));
    }
    html += r == 0 ? "</tr></thead><tbody>" : "</tr>\n";
  }
  return "<div class='scroll'><table><thead>" + html + "</tbody></table></div>";
}

std::string loss_curve(const Evaluation& evaluation) {
  if (evaluation.checkpoints.size() < 2) return "";
  std::vector<ChartSeries> series;
  for (const auto& split : splits_of(evaluation)) {
    ChartSeries line{split, fmt::format("c{}", series.size() % 7), {}, /*marks=*/true};
    for (const auto& c : evaluation.checkpoints) {
      const auto found = c.heldout.find(split);
      if (found != c.heldout.end() && std::isfinite(found->second)) line.points.push_back({c.tokens, found->second});
    }
    if (!line.points.empty()) series.push_back(std::move(line));
  }
  if (series.empty()) return "";
  return "<figure class='card'><figcaption><b>Held-out loss</b><span>nats per token, by tokens seen</span></figcaption>" +
         chart("held-out loss by checkpoint", "tokens", {}, series) + "</figure>";
}

}  // namespace

double EvaluatedCheckpoint::mean() const {
  double sum = 0;
  for (const auto& [split, loss] : heldout) sum += loss;
  return heldout.empty() ? 0 : sum / static_cast<double>(heldout.size());
}

std::string evaluation_table(const Evaluation& evaluation) {
  std::vector<bool> right(splits_of(evaluation).size() + 4, true);
  right.front() = right.back() = false;
  return aligned_table(rows_of(evaluation), right);
}

void write_evaluation(const Evaluation& evaluation, const std::filesystem::path& folder) {
  Json json{{"format", kEvaluationFormat}, {"version", kEvaluationVersion}, {"run", evaluation.run}, {"shards", evaluation.shards},
            {"checkpoints", Json::array()}};
  for (const auto& c : evaluation.checkpoints) {
    Json entry{{"name", c.name}, {"step", c.step}, {"tokens", c.tokens}, {"heldout", Json::object()}};
    for (const auto& [split, loss] : c.heldout) entry["heldout"][split] = {{"loss", loss}, {"perplexity", std::exp(loss)}};
    entry["mean_loss"] = c.heldout.empty() ? Json() : Json(c.mean());
    if (!c.fault.empty()) entry["fault"] = c.fault;
    json["checkpoints"].push_back(std::move(entry));
  }
  const auto best = best_checkpoint(evaluation);
  json["best"] = best < 0 ? Json() : Json(evaluation.checkpoints[static_cast<std::size_t>(best)].name);
  write_file_atomic(folder / "evaluation.json", json.dump(2) + "\n");
  write_file_atomic(
      folder / "evaluation.html",
      fmt::format("<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width,initial-scale=1'>"
                  "<meta name='generator' content='anneal'><title>Checkpoints of {0}</title>\n<style>{1}</style></head>\n<body><header>"
                  "<p class='kicker'>anneal, held-out losses of checkpoints</p><h1>{0}</h1><p class='where'>held-out text of {2}</p></header>\n"
                  "<main><section><div class='cards'>{3}</div>{4}</section></main>\n<script>{5}</script></body></html>\n",
                  escape_html(evaluation.run), kReportStyle, escape_html(evaluation.shards), loss_curve(evaluation),
                  html_table(evaluation), kReportScript));
}

}  // namespace anneal
