#include "launch/score_extension.h"
#include "launch/score_stability.h"

namespace anneal {

std::vector<ScoreExtension> add_score_extensions(CLI::App& command) {
  return {
      add_stability(command),
      add_report_extension(command),  // last: it shows what the others have added
  };
}

}  // namespace anneal
