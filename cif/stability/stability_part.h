// The part of a score that judges stability: fields of each verdict, rates in the summary.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cif/score_part.h"
#include "cif/stability/hull_sources.h"

namespace anneal {

/// Energy over the hull below which a crystal is called metastable, eV an atom.
inline constexpr double kMetastableEv = 0.1;
/// Stable is what is at most 0 over the hull; two sums of the same energies differ by less than
/// this.
inline constexpr double kStableEv = 1e-6;

class StabilityPart : public ScorePart {
 public:
  /// `hull` without entries: no energy over the hull, and the summary says why.
  StabilityPart(Chgnet net, HullSources hull, StabilityOptions options);
  /// A relaxation takes as long as thousands of the other verdicts.
  int batch_rows() const override { return options_.relax ? 4 : 32; }
  void judge(std::span<const CrystalRecord> records, std::span<Verdict> verdicts) const override;
  void add(const Verdict& verdict) override;
  void finish(nlohmann::ordered_json& summary) override;
  void print(const Log& log) const override;

 private:
  Chgnet net_;
  HullSources sources_;
  std::unique_ptr<ConvexHull> hull_;
  StabilityOptions options_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Chgnet::Workspace>> workspaces_;  // not in use
  std::int64_t total_ = 0, with_energy_ = 0, with_hull_ = 0, metastable_ = 0, stable_ = 0;
  std::int64_t relaxed_ = 0, converged_ = 0;
  double above_hull_sum_ = 0;
  std::map<std::string, std::int64_t> reasons_;  // why something is missing, how often
};

}  // namespace anneal
