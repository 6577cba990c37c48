// Figures of the report of a score: rates with intervals, histograms, the periodic table.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "launch/score_report_facts.h"

namespace anneal {

/// A share with its 95 % interval as a row; `name`, `note` and `sets` are plain text.
struct RateRow {
  std::string name, note;
  double count = 0, total = 0;
  std::string set;  ///< "" for the set that is judged, else what it is compared with
};
std::string rate_rows(const std::vector<RateRow>& rows);

struct HistogramOptions {
  std::string title, unit;
  bool whole = false;  ///< values are whole numbers: bars stand on them
  double mark = NAN;   ///< a value that matters, drawn as a line
  std::string mark_name;
};
/// Shares of the values as bars, those of the reference as a line over them. "" without values.
std::string histogram_card(const HistogramOptions& options, const Histogram& set,
                           const Histogram* reference);

/// Names with counts of two sets as bars, in the given order.
struct CountRow {
  std::string name;
  double count = 0, reference = 0;
};
std::string count_card(const std::string& title, const std::string& lead,
                       const std::vector<CountRow>& rows, double total, double reference_total,
                       bool with_reference);

/// Shares of crystals by element over the periodic table; with a reference also its shares and the
/// difference, to choose from.
std::string periodic_table(const SetFacts& set, const SetFacts* reference);

}  // namespace anneal
