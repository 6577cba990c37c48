// The sections of the report of a score; each returns HTML, "" if there is nothing for it.
#pragma once

#include <string>

#include "launch/score_report_facts.h"

namespace anneal {

/// What the score came to in one or two sentences, plain text.
std::string score_opening(const ScoreFacts& facts);
/// Every rate with its 95 % Wilson interval, beside the reference's.
std::string rates_section(const ScoreFacts& facts);
/// Why crystals could not be read.
std::string reasons_section(const ScoreFacts& facts);
/// The best and the worst, drawn.
std::string extremes_section(const ScoreFacts& facts);
/// Shares of crystals with each element.
std::string elements_section(const ScoreFacts& facts);
/// Histograms of sizes, densities, distances; crystal systems and space groups.
std::string distributions_section(const ScoreFacts& facts);
/// Energies over the hull.
std::string stability_section(const ScoreFacts& facts);
/// Coverage, novelty, diversity against the reference.
std::string comparison_section(const ScoreFacts& facts);
/// Rules, denominators, and what else summary.json says.
std::string rules_section(const ScoreFacts& facts);

/// Additions to the style sheet of report_sections.h.
extern const char* const kScoreStyle;

}  // namespace anneal
