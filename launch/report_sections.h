// The sections of the page; each returns HTML, "" if the run has nothing for it.
#pragma once

#include <string>

#include "launch/report_data.h"

namespace anneal {

/// One line a stage: status, time, main result.
std::string overview_section(const RunReport& run);
/// Training and held-out loss over the tokens, a chart a training stage.
std::string loss_section(const RunReport& run);
/// Held-out losses before and after each stage, with the change; general text is singled out.
std::string heldout_section(const RunReport& run);
/// Share of each source, wanted and written.
std::string mixture_section(const RunReport& run);
/// Validity of the generated crystals beside what they are compared with, and why some were rejected.
std::string validity_section(const RunReport& run);
/// A few generated crystals to look at.
std::string crystals_section(const RunReport& run);
/// The recipes and the versions.
std::string recipes_section(const RunReport& run);

/// The main result of a stage in a few words, plain text.
std::string headline(const StageReport& stage);
/// True if a held-out split is general text (its name says so), whose loss shows forgetting.
bool is_general_text(const std::string& split);

/// The page's style sheet and script.
extern const char* const kReportStyle;
extern const char* const kReportScript;

}  // namespace anneal
