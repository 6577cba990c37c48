#include "cif/metrics/set_metrics.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "cif/match/unique.h"
#include "cif/metrics/fingerprint_rows.h"
#include "cif/metrics/wasserstein.h"

namespace anneal {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

double ratio(double part, std::size_t whole) {
  return whole == 0 ? kUnknown : part / static_cast<double>(whole);
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double x : values) sum += x;
  return ratio(sum, values.size());
}

std::size_t count_within(const NearestDistances& structure, const NearestDistances& composition,
                         std::vector<double> NearestDistances::*side,
                         const SetMetricOptions& options) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < (structure.*side).size(); ++i) {
    count += (structure.*side)[i] <= options.struct_cutoff &&
             (composition.*side)[i] <= options.comp_cutoff;
  }
  return count;
}

/// The fingerprints of some crystals of a set, row by row.
struct Fingerprints {
  FingerprintRows structure{kOpsSize}, composition{kMagpieSize};
  Fingerprints(const CrystalSet& set, bool valid_only) {
    for (const auto& one : set.crystals) {
      if (!one.structure || (valid_only && !one.valid)) continue;
      structure.add(*one.structure);
      composition.add(one.composition);
    }
  }
  std::size_t size() const { return structure.size(); }
};

struct Nearest {
  NearestDistances structure, composition;
  Nearest(const Fingerprints& generated, const Fingerprints& reference, int threads)
      : structure(nearest_distances(generated.structure, reference.structure, threads)),
        composition(nearest_distances(generated.composition, reference.composition, threads)) {}
};

Coverage coverage(const Nearest& nearest, std::size_t precision_denominator,
                  const SetMetricOptions& options) {
  Coverage c;
  const auto& [structure, composition] = nearest;
  c.generated = static_cast<std::int64_t>(structure.of_rows.size());
  c.reference = static_cast<std::int64_t>(structure.of_columns.size());
  c.recall = ratio(static_cast<double>(count_within(structure, composition,
                                                    &NearestDistances::of_columns, options)),
                   structure.of_columns.size());
  c.precision = ratio(static_cast<double>(count_within(structure, composition,
                                                       &NearestDistances::of_rows, options)),
                      precision_denominator);
  c.amsd_recall = mean(structure.of_columns);
  c.amsd_precision = mean(structure.of_rows);
  c.amcd_recall = mean(composition.of_columns);
  c.amcd_precision = mean(composition.of_rows);
  return c;
}

void property_distances(const CrystalSet& generated, const CrystalSet& reference,
                        SetMetrics& result) {
  std::vector<double> density[2], elements[2];
  for (int side = 0; side < 2; ++side) {
    for (const auto& one : (side == 0 ? generated : reference).crystals) {
      if (side == 0 && !(one.valid && one.structure)) continue;
      density[side].push_back(one.crystal.density());
      elements[side].push_back(static_cast<double>(one.crystal.composition().size()));
    }
  }
  result.wdist_density = wasserstein_distance(density[0], density[1]);
  result.wdist_num_elems = wasserstein_distance(elements[0], elements[1]);
}

void match_sets(const CrystalSet& generated, const CrystalSet& reference,
                const SetMetricOptions& options, SetMetrics& result) {
  std::vector<Crystal> valid, real;
  for (const auto& one : generated.crystals) {
    if (one.valid && one.structure) valid.push_back(one.crystal);
  }
  for (const auto& one : reference.crystals) real.push_back(one.crystal);
  const auto reduced = reduce_all(valid, options.threads);
  const auto groups = structure_groups(reduced, options.match, options.threads);
  const auto known =
      find_structures(reduced, reduce_all(real, options.threads), options.match, options.threads);
  double unique = 0, novel = 0, both = 0;
  for (std::size_t i = 0; i < reduced.size(); ++i) {
    unique += groups[i] == i;
    novel += !known[i];
    both += groups[i] == i && !known[i];
  }
  result.uniqueness = ratio(unique, reduced.size());
  result.novelty_by_matching = ratio(novel, reduced.size());
  result.unique_and_novel = ratio(both, reduced.size());
}

}  // namespace

SetMetrics set_metrics(const CrystalSet& generated, const CrystalSet& reference,
                       const SetMetricOptions& options) {
  SetMetrics result;
  result.generated = generated.total;
  result.reference = static_cast<std::int64_t>(reference.crystals.size());
  const Fingerprints valid(generated, true), real(reference, true);
  result.valid = static_cast<std::int64_t>(valid.size());
  const Nearest nearest(valid, real, options.threads);
  result.crystal_llm = coverage(nearest, valid.size(), options);
  {
    const Fingerprints all(generated, false), all_real(reference, false);
    const bool same = all.size() == valid.size() && all_real.size() == real.size();
    result.cdvae = coverage(same ? nearest : Nearest(all, all_real, options.threads),
                            static_cast<std::size_t>(generated.total), options);
  }
  result.struct_diversity = mean_pair_distance(valid.structure, options.threads);
  result.comp_diversity = mean_pair_distance(valid.composition, options.threads);
  double structure = 0, composition = 0, either = 0;
  for (std::size_t i = 0; i < valid.size(); ++i) {
    const bool far = nearest.structure.of_rows[i] > options.struct_novelty_cutoff;
    const bool other = nearest.composition.of_rows[i] > options.comp_novelty_cutoff;
    structure += far;
    composition += other;
    either += far || other;
  }
  const std::size_t compared = real.size() == 0 ? 0 : valid.size();  // far from nothing is not novel
  result.struct_novelty = ratio(structure, compared);
  result.comp_novelty = ratio(composition, compared);
  result.novelty = ratio(either, compared);
  property_distances(generated, reference, result);
  match_sets(generated, reference, options, result);
  return result;
}

void add_to_summary(const SetMetrics& m, const SetMetricOptions& options,
                    nlohmann::ordered_json& summary) {
  const std::string valid = "set_valid", real = "set_reference_valid";
  summary["set_generated"] = m.generated;
  summary["set_valid"] = m.valid;
  summary["set_with_fingerprint"] = m.cdvae.generated;
  summary["set_reference"] = m.reference;
  summary["set_reference_valid"] = m.crystal_llm.reference;
  summary["set_reference_with_fingerprint"] = m.cdvae.reference;
  const auto put = [&](const std::string& name, double value, const std::string& denominator) {
    summary[name] = std::isfinite(value) ? nlohmann::ordered_json(value) : nullptr;
    summary["denominators"][name] = denominator;
  };
  put("cov_recall", m.crystal_llm.recall, real);
  put("cov_precision", m.crystal_llm.precision, valid);
  put("amsd_recall", m.crystal_llm.amsd_recall, real);
  put("amsd_precision", m.crystal_llm.amsd_precision, valid);
  put("amcd_recall", m.crystal_llm.amcd_recall, real);
  put("amcd_precision", m.crystal_llm.amcd_precision, valid);
  put("cov_recall_cdvae", m.cdvae.recall, "set_reference_with_fingerprint");
  put("cov_precision_cdvae", m.cdvae.precision, "set_generated");
  put("amsd_recall_cdvae", m.cdvae.amsd_recall, "set_reference_with_fingerprint");
  put("amsd_precision_cdvae", m.cdvae.amsd_precision, "set_with_fingerprint");
  put("amcd_recall_cdvae", m.cdvae.amcd_recall, "set_reference_with_fingerprint");
  put("amcd_precision_cdvae", m.cdvae.amcd_precision, "set_with_fingerprint");
  put("wdist_density", m.wdist_density, "set_valid against set_reference");
  put("wdist_num_elems", m.wdist_num_elems, "set_valid against set_reference");
  put("struct_diversity", m.struct_diversity, "pairs of set_valid");
  put("comp_diversity", m.comp_diversity, "pairs of set_valid");
  put("novelty", m.novelty, valid);
  put("struct_novelty", m.struct_novelty, valid);
  put("comp_novelty", m.comp_novelty, valid);
  put("novelty_by_matching", m.novelty_by_matching, valid);
  put("uniqueness", m.uniqueness, valid);
  put("unique_and_novel", m.unique_and_novel, valid);
  auto& rules = summary["rules"];
  rules["coverage"] = fmt::format(
      "CrystalLLM (as LLaMat): nearest distances of valid crystals with a fingerprint within {} "
      "(CrystalNN ops, mean over sites) and {} (Magpie, standardised); *_cdvae: CDVAE, valid or "
      "not, "
      "precision over all generated",
      options.struct_cutoff, options.comp_cutoff);
  rules["novelty"] =
      fmt::format("CrystalLLM: nearest reference distance above {} (structure) or {} (composition)",
                  options.struct_novelty_cutoff, options.comp_novelty_cutoff);
  rules["matching"] = fmt::format(
      "uniqueness, novelty_by_matching, unique_and_novel: StructureMatcher, ltol {}, stol {}, "
      "angle_tol {}",
      options.match.length_tolerance, options.match.site_tolerance,
      options.match.angle_tolerance_deg);
}

}  // namespace anneal
