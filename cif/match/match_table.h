// Matching of the pairs in a table: `anneal match` (design/interface.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/log.h"
#include "cif/match/matcher.h"

namespace anneal {

struct MatchTableOptions {
  MatchOptions match;
  int threads = 0;  ///< 0: as many as processors
  bool progress = true;
  Log log = Log(true);
};

struct MatchSummary {
  std::int64_t total = 0;       ///< pairs
  std::int64_t unreadable = 0;  ///< pairs with a text that is no crystal: they do not match
  std::int64_t matches = 0;
  double rms_sum = 0;  ///< over the pairs that match
  /// Over `total`; nothing if that is 0.
  std::optional<double> match_rate() const;
  /// Over `matches`; nothing if that is 0. Units of (V / n)^(1/3).
  std::optional<double> mean_rms() const;
};

/// Reads the columns `cif_a` and `cif_b` (CIF or crystal string) of a CSV, compares each pair and
/// writes `matches.jsonl` (a line a pair: index, match, rms, reason) and, last, `summary.json`;
/// both appear only when whole. Memory does not grow with the number of pairs, and the result does
/// not depend on the number of threads. Throws DataError for an unreadable table, a missing column
/// or no pairs at all.
MatchSummary match_table(const std::filesystem::path& pairs, const std::filesystem::path& out_dir,
                         const MatchTableOptions& options = {});

}  // namespace anneal
