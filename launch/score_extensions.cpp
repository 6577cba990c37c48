#include "launch/score_extension.h"

namespace anneal {

std::vector<ScoreExtension> add_score_extensions(CLI::App& command) {
  return {
      add_report_extension(command),  // last: it shows what the others have added
  };
}

}  // namespace anneal
