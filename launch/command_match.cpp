// anneal match: are the crystals of each pair in a table the same structure?
#include <memory>

#include "base/text.h"
#include "cif/match/match_table.h"
#include "launch/command.h"

namespace anneal {

Command add_match(CLI::App& app) {
  auto* command = app.add_subcommand(
      "match", "Compare pairs of crystals: the same structure, and how far apart (pymatgen's StructureMatcher)");
  command->footer("PAIRS: a CSV with columns cif_a and cif_b (CIF or crystal strings).\n"
                  "Example: anneal match pairs.csv --out runs/match");
  auto pairs = std::make_shared<std::string>();
  auto out = std::make_shared<std::string>();
  auto options = std::make_shared<MatchTableOptions>();
  command->add_option("PAIRS", *pairs, "Table of pairs")->required();
  command->add_option("--out", *out, "Folder for matches.jsonl and summary.json")->required();
  command->add_option("--ltol", options->match.length_tolerance, "Tolerance of lengths, a fraction")
      ->check(CLI::Range(0.0, 1.0))->capture_default_str();
  command->add_option("--stol", options->match.site_tolerance, "Tolerance of sites, units of (V/n)^(1/3)")
      ->check(CLI::Range(0.0, 10.0))->capture_default_str();
  command->add_option("--angle-tol", options->match.angle_tolerance_deg, "Tolerance of angles, degrees")
      ->check(CLI::Range(0.0, 90.0))->capture_default_str();
  command->add_option("--threads", options->threads, "0: one a core")->check(CLI::NonNegativeNumber);
  return {command, [=](const CommandContext& context) {
            if (!context.group().is_root()) return 0;  // one rank, many threads
            options->progress = context.log.speaks();
            options->log = context.log;
            const MatchSummary s = match_table(*pairs, *out, *options);
            const auto percent = [](std::optional<double> x) {
              return x ? fmt::format("{:.2f} %", 100 * *x) : std::string("-");
            };
            context.log.info("{:<28}{:>12}", "pairs", with_commas(s.total));
            context.log.info("{:<28}{:>12}  {:>9}", "match", with_commas(s.matches), percent(s.match_rate()));
            if (s.unreadable > 0) context.log.info("{:<28}{:>12}", "not compared (see reason)", with_commas(s.unreadable));
            if (s.mean_rms()) context.log.info("{:<28}{:>12.5f}", "mean rms, (V/n)^(1/3)", *s.mean_rms());
            context.log.info("{}/matches.jsonl, {}/summary.json", *out, *out);
            return 0;
          }};
}

}  // namespace anneal
