#include "launch/score_extension.h"
#include "launch/score_report.h"

namespace anneal {

ScoreExtension add_report_extension(CLI::App& command) {
  auto without = std::make_shared<bool>(false);
  command.add_flag("--no-report", *without, "Do not write report.html");
  ScoreExtension extension;
  extension.part = [](const ScoreCall&, const CommandContext&) { return nullptr; };
  extension.finish = [without](const ScoreCall& call, const CommandContext& context) {
    if (*without) return;
    write_score_report(call.out, {.input = call.input,
                                  .reference = call.reference,
                                  .cutoff_a = call.cutoff_a,
                                  .threads = call.threads,
                                  .log = context.log});
  };
  return extension;
}

}  // namespace anneal
