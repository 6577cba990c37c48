#include "launch/scoring.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/atomic_file.h"
#include "base/processors.h"
#include "base/text.h"
#include "cif/validity/families.h"
#include "launch/score_report.h"

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

}  // namespace

int threads_of_a_rank(int asked, const CommandContext& context) {
  if (asked > 0) return asked;
  return std::max(1, processors() / std::max(1, context.world.ranks_on_node()));
}

void run_score(const ScoreRequest& request, const CommandContext& context) {
  const Group& group = context.group();
  ScoreOptions options{.cutoff_a = request.min_distance_a,
                       .threads = threads_of_a_rank(request.threads, context),
                       .rank = group.rank(),
                       .world_size = group.size(),
                       .progress = context.log.speaks(),
                       .log = context.log,
                       .reference = {},
                       .parts = {}};
  if (!request.reference.input.empty()) options.reference = request.reference;
  const auto& families = request.families;
  const bool all = std::find(families.begin(), families.end(), "all") != families.end();
  options.parts = family_parts(all ? family_names() : families, request.min_distance_a);
  if (auto part = make_stability_part(request.stability, options.threads, context)) {
    options.parts.push_back(std::move(part));
  }
  if (group.is_root()) remove_temporary_files(request.out);  // of a call that was ended midway
  group.barrier("clearing of the folder");
  ScoreSummary summary = score_file(request.input, request.out, options);
  group.barrier("scoring of the other ranks");
  if (!group.is_root()) return;
  options.threads = threads_or_processors(request.threads);  // the other ranks wait
  if (group.size() > 1) summary = merge_score_parts(request.input, request.out, options);
  if (request.table) {
    print_summary(summary, request.out, context.log);
    for (const auto& part : options.parts) part->print(context.log);
  }
  if (request.report) {
    write_score_report(request.out, {.input = request.input,
                                     .reference = request.reference.input,
                                     .cutoff_a = request.min_distance_a,
                                     .threads = options.threads,
                                     .log = context.log});
  }
}

}  // namespace anneal
