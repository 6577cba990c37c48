// report.html of a score: one page, nothing outside it, its size independent of the number of
// crystals.
#pragma once

#include <filesystem>

#include "base/log.h"

namespace anneal {

struct ScoreReportOptions {
  std::filesystem::path input;      ///< what was judged: a few of its crystals are drawn
  std::filesystem::path reference;  ///< what it is compared with; "" if nothing
  double cutoff_a = 0.5;  ///< smallest distance that is valid, for the reference's verdicts
  int threads = 1;
  Log log = Log(true);
};

/// Writes `out_dir/report.html` from the summary.json and verdicts.jsonl that stand there, and from
/// a sample of the structures of input and reference. Throws DataError if the files are not there.
void write_score_report(const std::filesystem::path& out_dir, const ScoreReportOptions& options);

}  // namespace anneal
