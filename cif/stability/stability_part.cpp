#include "cif/stability/stability_part.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace anneal {

namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}
Json or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json ratio(double part, std::int64_t whole) {
  return whole > 0 ? Json(part / static_cast<double>(whole)) : Json(nullptr);
}

const char* why_no_hull(const HullSources& given) {
  return given.sources.empty()
             ? "no --hull was given: there is nothing to be above of (entries, or crystals such as the "
               "training set)"
             : "no entry that --hull names could be used (summary.json says why)";
}

}  // namespace

StabilityPart::StabilityPart(Chgnet net, HullSources hull, StabilityOptions options)
    : net_(std::move(net)), sources_(std::move(hull)), options_(options) {
  if (!sources_.entries.empty()) {
    hull_ = std::make_unique<ConvexHull>(std::move(sources_.entries));
    sources_.entries.clear();
  }
}

void StabilityPart::judge(std::span<const CrystalRecord> records,
                          std::span<Verdict> verdicts) const {
  std::unique_ptr<Chgnet::Workspace> workspace;
  {
    const std::lock_guard lock(mutex_);
    if (!workspaces_.empty()) {
      workspace = std::move(workspaces_.back());
      workspaces_.pop_back();
    }
  }
  if (!workspace) workspace = std::make_unique<Chgnet::Workspace>();
  for (std::size_t i = 0; i < records.size(); ++i) {
    Stability s;
    if (const auto& crystal = records[i].parsed.crystal) {
      s = judge_stability(net_, hull_.get(), *crystal, options_, *workspace);
    } else {
      s.reason = "no crystal";
    }
    Json& extra = verdicts[i].extra;
    extra["energy_per_atom"] = or_null(s.energy_per_atom);
    extra["max_force_ev_a"] = or_null(s.max_force_ev_a);
    extra["relaxed_energy_per_atom"] = or_null(s.relaxed_energy_per_atom);
    extra["relaxation_steps"] = or_null(s.steps);
    extra["relaxation_converged"] = or_null(s.converged);
    extra["e_above_hull"] = or_null(s.e_above_hull);
    extra["decomposition"] = or_null(s.decomposition);
    extra["stability_reason"] = or_null(s.reason);
  }
  const std::lock_guard lock(mutex_);
  workspaces_.push_back(std::move(workspace));
}

void StabilityPart::add(const Verdict& verdict) {
  const Json& extra = verdict.extra;
  ++total_;
  if (const auto& reason = extra.at("stability_reason"); reason.is_string()) {
    // reasons name elements or sites: the first of a kind stand for the rest
    if (reasons_.size() < 50 || reasons_.contains(reason.get<std::string>())) {
      ++reasons_[reason.get<std::string>()];
    }
  }
  with_energy_ += extra.at("energy_per_atom").is_number();
  relaxed_ += extra.at("relaxed_energy_per_atom").is_number();
  converged_ +=
      extra.at("relaxed_energy_per_atom").is_number() && extra.at("relaxation_converged") == true;
  if (const auto& above = extra.at("e_above_hull"); above.is_number()) {
    const double e = above.get<double>();
    ++with_hull_;
    above_hull_sum_ += e;
    metastable_ += e < kMetastableEv;
    stable_ += e <= kStableEv;
  }
}

void StabilityPart::finish(Json& summary) {
  summary["with_energy"] = with_energy_;
  summary["relaxed"] = options_.relax ? Json(relaxed_) : Json(nullptr);
  summary["relaxation_converged"] = options_.relax ? Json(converged_) : Json(nullptr);
  summary["with_e_above_hull"] = with_hull_;
  const bool judged = with_hull_ > 0;  // a rate of 0 would say that all are unstable
  summary["metastable"] = judged ? Json(metastable_) : Json(nullptr);
  summary["stable"] = judged ? Json(stable_) : Json(nullptr);
  summary["metastable_rate"] =
      judged ? ratio(static_cast<double>(metastable_), total_) : Json(nullptr);
  summary["stable_rate"] = judged ? ratio(static_cast<double>(stable_), total_) : Json(nullptr);
  summary["mean_e_above_hull"] = ratio(above_hull_sum_, with_hull_);
  summary["stability_reasons"] = reasons_;
  Json& denominators = summary["denominators"];
  denominators["metastable_rate"] = "total";
  denominators["stable_rate"] = "total";
  denominators["mean_e_above_hull"] = "with_e_above_hull";
  Json& rules = summary["rules"];
  rules["without_e_above_hull"] = "counts neither as stable nor as metastable";
  rules["energy"] = "CHGNet 0.3.0 (GGA/GGA+U with MP2020 corrections), eV an atom";
  rules["relaxation"] =
      options_.relax
          ? Json(fmt::format("FIRE, {}, until no force is above {} eV/A, at most {} steps",
                             options_.relaxation.cell ? "positions and cell" : "positions only",
                             options_.relaxation.max_force_ev_a, options_.relaxation.max_steps))
          : Json("none: e_above_hull is of the crystals as given");
  rules["metastable"] = fmt::format("e_above_hull below {} eV an atom", kMetastableEv);
  rules["stable"] = fmt::format("e_above_hull at most 0 (within {:.0e})", kStableEv);
  Json hull;
  hull["sources"] = Json::array();
  for (const auto& source : sources_.sources) {
    Json one;
    one["path"] = source.path;
    one["kind"] = source.computed ? "crystals, energies by CHGNet 0.3.0" : "entries";
    one["read"] = source.read;
    one["used"] = source.used;
    if (!source.computed) {
      one["mp2020_applied"] = source.corrected;
      one["corrections_brought_along"] = source.stored;
      one["functionals"] = source.functionals;
    }
    one["left_out"] = source.left_out;
    hull["sources"].push_back(std::move(one));
  }
  if (hull_) {
    hull["compositions"] = hull_->num_compositions();
    hull["elements"] = hull_->num_elements();
  } else {
    hull["reason"] = why_no_hull(sources_);
  }
  hull["warnings"] = sources_.warnings();
  summary["hull"] = std::move(hull);
}

void StabilityPart::print(const Log& log) const {
  const auto line = [&](const char* name, std::int64_t count, bool rate) {
    log.info("{:<28}{:>12}  {:>9}", name, with_commas(count),
             rate && total_ > 0 ? fmt::format("{:.2f} %", 100.0 * static_cast<double>(count) /
                                                              static_cast<double>(total_))
                                : "");
  };
  line("with an energy", with_energy_, false);
  if (options_.relax) line("relaxation converged", converged_, false);
  if (!hull_) {
    log.info("e_above_hull is null: {}", why_no_hull(sources_));
    return;
  }
  line("with an energy over hull", with_hull_, false);
  if (with_hull_ > 0) {
    line("metastable (< 0.1 eV/atom)", metastable_, true);
    line("stable", stable_, true);
    log.info("{:<28}{:>12.4f}  eV/atom", "mean energy over hull",
             above_hull_sum_ / static_cast<double>(with_hull_));
  }
  for (const auto& [reason, count] : reasons_) log.info("  {:<60}{:>8}", reason, with_commas(count));
  log.info("the hull: {} compositions, {} elements",
           with_commas(static_cast<std::int64_t>(hull_->num_compositions())),
           hull_->num_elements());
  for (const auto& source : sources_.sources) log.info("  {}", source.in_words());
  for (const auto& warning : sources_.warnings()) log.warn("{}", warning);
}

}  // namespace anneal
