#include "launch/report.h"

#include <ctime>

#include <fmt/chrono.h>

#include "base/files.h"
#include "base/text.h"
#include "launch/report_card.h"
#include "launch/report_html.h"
#include "launch/report_sections.h"

namespace anneal {
namespace {

/// What the run came to, in one or two sentences.
std::string opening(const RunReport& run) {
  double seconds = 0;
  std::size_t done = 0, unknown = 0;
  for (const auto& stage : run.stages) {
    seconds += stage.seconds.value_or(0);
    done += stage.status == "done" || stage.status == "skipped" || stage.status == "finished";
    unknown += stage.status == "unknown";
  }
  std::string text;
  if (run.pipeline && unknown == run.stages.size()) {
    text = unknown ? fmt::format("{} stages were found; how they ended is not recorded", unknown) : "";
  } else if (run.pipeline) {
    text = done == run.stages.size() ? fmt::format("{} stages, all done", done) : fmt::format("{} of {} stages done", done, run.stages.size());
  } else if (!run.stages.empty()) {
    text = fmt::format("One {} stage: {}", run.stages[0].kind, run.stages[0].status);
  }
  if (seconds > 0) text += ", in " + human_duration(seconds);
  if (!text.empty()) text += ". ";
  for (const auto& stage : run.stages) {
    if (stage.validity.empty() || stage.validity[0].total <= 0) continue;
    const auto& model = stage.validity[0];
    text += fmt::format("Of {:.0f} generated crystals, {} are structurally and {} compositionally valid", model.total,
                        percent(model.struct_valid / model.total), percent(model.comp_valid / model.total));
    for (const auto& other : stage.validity) {
      if (other.name != "untrained model" || other.total <= 0) continue;
      text += fmt::format("; the untrained model reaches {} and {}", percent(other.struct_valid / other.total), percent(other.comp_valid / other.total));
    }
    text += ". ";
  }
  for (std::size_t at = 0; (at = text.find(" %", at)) != std::string::npos; at += 3) text.replace(at, 1, "\u00a0");
  return text;
}

std::string notes_box(const RunReport& run) {
  if (run.notes.empty()) return "";
  std::string items;
  for (const auto& note : run.notes) items += "<li>" + escape_html(note) + "</li>";
  return "<aside class='notes'><b>What is missing</b><ul>" + items + "</ul></aside>\n";
}

}  // namespace

void write_report(const std::filesystem::path& run_dir, const std::string& title) {
  const RunReport run = read_run(run_dir);
  const std::time_t now = std::time(nullptr);
  std::string sections = overview_section(run) + validity_section(run) + crystals_section(run) + loss_section(run) +
                         heldout_section(run) + mixture_section(run) + recipes_section(run);
  std::string menu;
  for (const auto& [id, name] : {std::pair{"stages", "Stages"}, std::pair{"validity", "Validity"}, std::pair{"crystals", "Crystals"},
                                 std::pair{"loss", "Losses"}, std::pair{"heldout", "Held-out"}, std::pair{"mixture", "Mixture"},
                                 std::pair{"recipes", "Recipes"}}) {
    if (sections.find(fmt::format("id='{}'", id)) != std::string::npos) menu += fmt::format("<a href='#{}'>{}</a>", id, name);
  }
  const std::string page = fmt::format(
      "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width,initial-scale=1'>"
      "<meta name='generator' content='anneal'><title>{0}</title>\n<style>{1}</style></head>\n<body><header><p class='kicker'>anneal, report of a run</p>"
      "<h1>{0}</h1><p class='opening'>{2}</p><p class='where'>{3} &ensp; {4:%Y-%m-%d %H:%M}</p><nav>{5}</nav></header>\n<main>{6}{7}</main>\n<script>{8}{9}</script></body></html>\n",
      escape_html(title), kReportStyle, escape_html(opening(run)), escape_html(run_dir.string()), fmt::localtime(now), menu, notes_box(run), sections, kReportScript, kDrawingScript);
  write_file_atomic(run_dir / "report.html", page);
}

}  // namespace anneal
