// Held-out losses of a run's checkpoints: what `anneal evaluate` measures and writes.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace anneal {

/// One checkpoint of a run, evaluated.
struct EvaluatedCheckpoint {
  std::string name;  ///< "step_00000200"; "start" for the weights before the first step
  std::int64_t step = 0;
  double tokens = 0;                      ///< rows times row length up to there
  std::map<std::string, double> heldout;  ///< mean loss by split
  std::string fault;                      ///< why it could not be loaded, "" if it could
  double mean() const;                    ///< over the splits; 0 without any
};

struct Evaluation {
  std::string run;                               ///< folder
  std::string shards;                            ///< folder whose held-out splits were used
  std::vector<EvaluatedCheckpoint> checkpoints;  ///< by step
};

/// The losses as a table for the terminal; the best mean is marked.
std::string evaluation_table(const Evaluation& evaluation);
/// Writes <folder>/evaluation.json and evaluation.html (curve and table, self-contained). Throws
/// DataError.
void write_evaluation(const Evaluation& evaluation, const std::filesystem::path& folder);

}  // namespace anneal
