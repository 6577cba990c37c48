// Scoring of many crystals: verdicts.jsonl and summary.json (design/interface.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "cif/crystal_table.h"
#include "cif/metrics/set_metrics.h"
#include "cif/score_part.h"
#include "cif/verdict.h"

namespace anneal {

struct ScoreSummary {
  std::int64_t total = 0, parsed = 0, struct_valid = 0, comp_valid = 0;
  std::int64_t valid = 0;                       ///< both
  std::map<std::string, std::int64_t> reasons;  ///< rejections by name
  /// Sums over the structurally valid crystals (a flat cell would have any density).
  double density_sum_g_cm3 = 0, elements_sum = 0, atoms_sum = 0;
  std::optional<SetMetrics> compared;  ///< with the reference, if there was one

  void add(const Verdict& verdict);
  /// Over `total`; nothing if that is 0.
  std::optional<double> struct_valid_rate() const;
  std::optional<double> comp_valid_rate() const;
  std::optional<double> valid_rate() const;
  /// Over `struct_valid`; nothing if that is 0. Density in g/cm^3.
  std::optional<double> mean_density() const;
  std::optional<double> mean_num_elements() const;
  std::optional<double> mean_num_atoms() const;
};

/// A set of real crystals to compare with.
struct ScoreReference {
  std::filesystem::path input;
  /// The first so many entries of the input are compared (CDVAE and CrystalLLM: 10,000); 0: all.
  /// All of them are judged in any case.
  std::int64_t most = 10'000;
  SetMetricOptions metrics;
};

struct ScoreOptions {
  double cutoff_a = 0.5;  ///< smallest distance between two sites, Angstrom
  int threads = 0;        ///< 0: as many as processors
  int rank = 0;           ///< of several processes that share the input, this one ...
  int world_size = 1;     ///< ... of how many (see merge_score_parts)
  bool progress = true;
  Log log = Log(true);
  std::optional<ScoreReference> reference;
  /// What is judged besides, in this order. A part is used for one score.
  std::vector<std::shared_ptr<ScorePart>> parts;
};

/// Text of a summary.json without reference and parts: counts, rates, means (null where there is
/// nothing to divide by), the denominators, rules and reasons. Ends with a line feed.
std::string to_json(const ScoreSummary& summary, const ScoreOptions& options);

/// Judges every crystal of `input` and writes `verdicts.jsonl` and, last, `summary.json` into
/// `out_dir`; both appear only when whole. Memory does not grow with the number of crystals (but
/// for those of `reference`, and the part of the input that is compared with them). The result does
/// not depend on `threads`. Throws DataError for unreadable input, or if there is no
/// crystal in it. With `world_size` > 1 it writes this rank's part only, and the summary returned
/// is that part's.
ScoreSummary score_file(const std::filesystem::path& input, const std::filesystem::path& out_dir,
                        const ScoreOptions& options = {});

/// Joins the parts that `world_size` ranks have written of `input` (all of them must have finished)
/// into the same files, byte for byte, that one rank would write, and removes the parts. Throws
/// DataError.
ScoreSummary merge_score_parts(const std::filesystem::path& input,
                               const std::filesystem::path& out_dir, const ScoreOptions& options);

struct ScoredRecords {
  ScoreSummary summary;
  std::vector<Verdict> verdicts;
};

/// Judges records that are in memory; writes nothing; an empty set gives a summary of zeros.
ScoredRecords score_records(std::span<const CrystalRecord> records,
                            const ScoreOptions& options = {});

/// The same for texts (generations): index and id count from 0.
ScoredRecords score_texts(std::span<const std::string> texts, const ScoreOptions& options = {});

}  // namespace anneal
