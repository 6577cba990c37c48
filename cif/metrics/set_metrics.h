// How a set of generated crystals stands to a set of real ones: coverage, diversity, property
// distributions, novelty, uniqueness. Distances are Euclidean, between mean CrystalNN fingerprints
// (61 numbers) and between standardised Magpie vectors (132).
//
// Definitions: CDVAE (Xie et al., ICLR 2022, scripts/eval_utils.py) and CrystalLLM (Gruver et al.,
// ICLR 2024, basic_eval.py), whose notebook LLaMat uses. They differ in which crystals count:
//   CrystalLLM: on both sides those that are valid and have a fingerprint;
//   CDVAE: those that have a fingerprint, and precision is over all generated.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "cif/match/matcher.h"
#include "cif/metrics/crystal_set.h"

namespace anneal {

struct SetMetricOptions {
  double struct_cutoff = 0.4;  ///< coverage; MP-20: 0.4, perovskites and carbon: 0.2
  double comp_cutoff = 10;     ///< coverage; MP-20: 10, perovskites and carbon: 4
  double struct_novelty_cutoff = 0.1, comp_novelty_cutoff = 2;  ///< CrystalLLM's
  MatchOptions match;  ///< pymatgen's defaults, as in CrystaLLM
  int threads = 0;
};

/// Coverage by one of the two conventions. NaN where there is nothing to divide by.
struct Coverage {
  std::int64_t generated = 0, reference = 0;  ///< crystals whose distances are looked at
  double recall = 0;     ///< of the reference crystals: nearest generated within both cutoffs
  double precision = 0;  ///< of the generated ones: nearest reference crystal within both
  double amsd_recall = 0, amsd_precision = 0;  ///< mean nearest distances, structure
  double amcd_recall = 0, amcd_precision = 0;  ///< mean nearest distances, composition
};

struct SetMetrics {
  std::int64_t generated = 0;  ///< entries looked at, those included that do not parse
  std::int64_t reference = 0;  ///< real crystals that parse
  std::int64_t valid = 0;      ///< generated, valid and with a fingerprint
  Coverage crystal_llm, cdvae;
  double wdist_density = 0;                         ///< g/cm^3; `valid` against `reference`
  double wdist_num_elems = 0;                       ///< elements; likewise
  double struct_diversity = 0, comp_diversity = 0;  ///< mean distances among `valid`
  /// Over `valid`: nearest reference crystal (valid, with a fingerprint) farther than the cutoff in
  /// structure, in composition, in either.
  double struct_novelty = 0, comp_novelty = 0, novelty = 0;
  /// Over `valid`, by structure matching (unique.h): structures that differ; crystals that match no
  /// reference crystal; structures that do neither.
  double uniqueness = 0, novelty_by_matching = 0, unique_and_novel = 0;
};

SetMetrics set_metrics(const CrystalSet& generated, const CrystalSet& reference,
                       const SetMetricOptions& options = {});

/// Adds all of them to a summary (null for NaN), the denominators and rules beside.
void add_to_summary(const SetMetrics& metrics, const SetMetricOptions& options,
                    nlohmann::ordered_json& summary);

}  // namespace anneal
