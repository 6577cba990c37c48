// A score with all that it can have: verdicts, families of rules, a comparison with real crystals,
// stability, a page. The command and the score stage of a recipe call it alike.
#pragma once

#include <string>
#include <vector>

#include "cif/score.h"
#include "launch/command.h"
#include "launch/score_stability.h"

namespace anneal {

struct ScoreRequest {
  std::string input;  ///< crystals of any kind (cif/crystal_table.h)
  std::string out;    ///< folder
  double min_distance_a = 0.5;
  int threads = 0;  ///< 0: one a core; one a rank if there are several
  std::vector<std::string> families;  ///< of family_names(), or "all"
  ScoreReference reference;           ///< its `input` empty: none
  StabilityRequest stability;
  bool report = true;  ///< report.html
  bool table = true;   ///< the figures in the terminal
};

/// Threads of this rank if `asked` is 0: its share of the machine's processors.
int threads_of_a_rank(int asked, const CommandContext& context);

/// Scores on all ranks of the context; the files are whole when it returns on rank 0. Throws
/// DataError and UsageError, on all ranks alike.
void run_score(const ScoreRequest& request, const CommandContext& context);

}  // namespace anneal
