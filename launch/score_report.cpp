#include "launch/score_report.h"

#include <fmt/chrono.h>

#include <ctime>

#include "base/files.h"
#include "launch/report_card.h"
#include "launch/report_html.h"
#include "launch/report_sections.h"
#include "launch/score_report_sections.h"

namespace anneal {

void write_score_report(const std::filesystem::path& out_dir, const ScoreReportOptions& options) {
  const ScoreFacts facts = read_score_facts(out_dir, options.input, options.reference,
                                            options.cutoff_a, options.threads);
  const std::string sections = rates_section(facts) + stability_section(facts) +
                               comparison_section(facts) + reasons_section(facts) +
                               extremes_section(facts) + elements_section(facts) +
                               distributions_section(facts) + rules_section(facts);
  std::string menu, notes;
  for (const auto& [id, name] :
       {std::pair{"rates", "Rates"}, std::pair{"stability", "Stability"},
        std::pair{"comparison", "Reference"}, std::pair{"reasons", "Not read"},
        std::pair{"crystals", "Crystals"}, std::pair{"elements", "Elements"},
        std::pair{"distributions", "Distributions"}, std::pair{"rules", "Rules"}}) {
    if (sections.find(fmt::format("<section id='{}'", id)) != std::string::npos)
      menu += fmt::format("<a href='#{}'>{}</a>", id, name);
  }
  for (const auto& note : facts.notes) notes += "<li>" + escape_html(note) + "</li>";
  if (!notes.empty())
    notes = "<aside class='notes'><b>What is missing</b><ul>" + notes + "</ul></aside>\n";
  const std::string name = options.input.filename().empty()
                               ? options.input.parent_path().filename().string()
                               : options.input.filename().string();
  const std::time_t now = std::time(nullptr);
  const std::string page = fmt::format(
      "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><meta name='viewport' "
      "content='width=device-width,initial-scale=1'>"
      "<meta name='generator' content='anneal'><meta name='color-scheme' content='light "
      "dark'><title>{0}: verdicts</title>\n<style>{1}{2}</style></head>\n"
      "<body><header><p class='kicker'>anneal, verdicts on crystals</p><h1>{0}</h1><p "
      "class='opening'>{3}</p>"
      "<p class='where'>{4} &ensp; {5:%Y-%m-%d %H:%M}</p><nav "
      "aria-label='Sections'>{6}</nav></header>\n<main>{7}{8}</main>\n<script>{9}{10}</script></"
      "body></html>\n",
      escape_html(name), kReportStyle, kScoreStyle, escape_html(score_opening(facts)),
      escape_html(options.input.string()), fmt::localtime(now), menu, notes, sections,
      kReportScript, kDrawingScript);
  write_file_atomic(out_dir / "report.html", page);
  options.log.info("{}", (out_dir / "report.html").string());
}

}  // namespace anneal
