// anneal score: verdicts on crystals of any input; splits over ranks under mpirun.
#include <algorithm>
#include <cmath>
#include <memory>
#include <thread>

#include "base/error.h"
#include "base/text.h"
#include "cif/score.h"
#include "cif/validity/families.h"
#include "launch/command.h"
#include "launch/score_extension.h"

namespace anneal {

namespace {

std::string rate(std::optional<double> value) {
  return value ? fmt::format("{:.2f} %", 100 * *value) : "-";
}

void print_comparison(const SetMetrics& m, const Log& log) {
  const auto percent = [](double x) {
    return std::isfinite(x) ? fmt::format("{:.2f} %", 100 * x) : "-";
  };
  log.info("compared with {} real crystals: {} valid ones of {}", with_commas(m.reference),
           with_commas(m.valid), with_commas(m.generated));
  log.info("{:<28}{:>12}  {:>9}", "coverage", "recall", "precision");
  log.info("{:<28}{:>12}  {:>9}", "  CrystalLLM (of valid)", percent(m.crystal_llm.recall),
           percent(m.crystal_llm.precision));
  log.info("{:<28}{:>12}  {:>9}", "  CDVAE (of all)", percent(m.cdvae.recall),
           percent(m.cdvae.precision));
  log.info("{:<28}{:>12}  {:>9}", "against each other", "structure", "elements");
  log.info("{:<28}{:>12.4f}  {:>9.4f}", "  mean pair distance", m.struct_diversity,
           m.comp_diversity);
  log.info("{:<28}{:>12.4f}  {:>9.4f}", "  Wasserstein (density)", m.wdist_density,
           m.wdist_num_elems);
  log.info("{:<28}{:>12}  {:>9}", "novel, by fingerprint", "", percent(m.novelty));
  log.info("{:<28}{:>12}  {:>9}", "novel, by matching", "", percent(m.novelty_by_matching));
  log.info("{:<28}{:>12}  {:>9}", "unique", "", percent(m.uniqueness));
}

void print_summary(const ScoreSummary& s, const std::string& out, const Log& log) {
  log.info("{:<28}{:>12}", "crystals", with_commas(s.total));
  log.info("{:<28}{:>12}", "parsed", with_commas(s.parsed));
  log.info("{:<28}{:>12}  {:>9}", "structurally valid", with_commas(s.struct_valid),
           rate(s.struct_valid_rate()));
  log.info("{:<28}{:>12}  {:>9}", "compositionally valid", with_commas(s.comp_valid),
           rate(s.comp_valid_rate()));
  log.info("{:<28}{:>12}  {:>9}", "valid (both)", with_commas(s.valid), rate(s.valid_rate()));
  for (const auto& [reason, count] : s.reasons) {
    log.info("  {:<26}{:>12}", reason, with_commas(count));
  }
  if (s.compared) print_comparison(*s.compared, log);
  log.info("{}/summary.json, {}/verdicts.jsonl", out, out);
}

std::vector<std::string> with_all(std::vector<std::string> names) {
  names.push_back("all");
  return names;
}

}  // namespace

Command add_score(CLI::App& app) {
  auto* command =
      app.add_subcommand("score", "Judge crystals: parsed, structurally and compositionally valid");
  command->footer(
      "INPUT: a .cif, a folder of them, a CSV with a column cif, a CSV with columns\n"
      "lengths,angles,species,coords, or JSONL with a field text.\n"
      "Example: anneal score ../shared/data/cif/perov_5_val.csv --out runs/score_perov");
  auto input = std::make_shared<std::string>();
  auto out = std::make_shared<std::string>();
  auto cutoff = std::make_shared<double>(0.5);
  auto threads = std::make_shared<int>(0);
  command->add_option("INPUT", *input, "Crystals")->required();
  command->add_option("--out", *out, "Folder for verdicts.jsonl, summary.json, report.html")
      ->required();
  command->add_option("--min-distance", *cutoff, "Shortest distance that is valid, Angstrom")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--threads", *threads, "0: one a core")->check(CLI::NonNegativeNumber);
  auto families = std::make_shared<std::vector<std::string>>();
  command
      ->add_option("--families", *families,
                   "Judge besides: symmetry (space groups), crystallm, lemat, self_images; all")
      ->delimiter(',')
      ->check(CLI::IsMember(with_all(family_names())));
  auto reference = std::make_shared<ScoreReference>();
  auto reference_input = std::make_shared<std::string>();
  command
      ->add_option("--reference", *reference_input,
                   "Real crystals to compare with (any INPUT): coverage, diversity, novelty, ...")
      ->group("Comparison with real crystals");
  const auto comparison = [&](const char* name, auto& value, const char* help) {
    command->add_option(name, value, help)
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str()
        ->needs("--reference")
        ->group("Comparison with real crystals");
  };
  SetMetricOptions& metrics = reference->metrics;
  comparison("--struct-cutoff", metrics.struct_cutoff,
             "Coverage: largest distance of structure fingerprints (0.2 for perovskites, carbon)");
  comparison("--comp-cutoff", metrics.comp_cutoff,
             "Coverage: largest distance of composition fingerprints (4 for perovskites, carbon)");
  comparison("--compare", reference->most, "How many crystals of INPUT are compared, 0: all");
  auto extensions = std::make_shared<std::vector<ScoreExtension>>(add_score_extensions(*command));
  return {command, [=](const CommandContext& context) {
            const Group& group = context.group();
            ScoreOptions options{.cutoff_a = *cutoff,
                                 .threads = *threads,
                                 .rank = group.rank(),
                                 .world_size = group.size(),
                                 .progress = context.log.speaks(),
                                 .log = context.log,
                                 .reference = {},
                                 .parts = {}};
            if (!reference_input->empty()) {
              options.reference = *reference;
              options.reference->input = *reference_input;
            }
            // several ranks on one machine share its processors
            if (options.threads == 0) {
              const auto processors = std::max(1U, std::thread::hardware_concurrency());
              options.threads = group.size() > 1 ? 1 : static_cast<int>(processors);
            }
            const bool all =
                std::find(families->begin(), families->end(), "all") != families->end();
            options.parts = family_parts(all ? family_names() : *families, *cutoff);
            const ScoreCall call{.input = *input,
                                 .out = *out,
                                 .reference = *reference_input,
                                 .threads = options.threads,
                                 .cutoff_a = *cutoff};
            for (const auto& extension : *extensions) {
              if (auto part = extension.part(call, context))
                options.parts.push_back(std::move(part));
            }
            ScoreSummary summary = score_file(*input, *out, options);
            group.barrier("scoring of the other ranks");
            if (!group.is_root()) return 0;
            if (group.size() > 1) summary = merge_score_parts(*input, *out, options);
            print_summary(summary, *out, context.log);
            for (const auto& part : options.parts) part->print(context.log);
            for (const auto& extension : *extensions) {
              if (extension.finish) extension.finish(call, context);
            }
            return 0;
          }};
}

}  // namespace anneal
