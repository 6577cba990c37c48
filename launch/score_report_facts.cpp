#include "launch/score_report_facts.h"

#include <algorithm>
#include <cmath>

#include "cif/elements.h"

namespace anneal {

void Histogram::add(double value) {
  if (!std::isfinite(value)) return;
  ++count_;
  sum_ += value;
  const double bin = std::floor((value - low_) / step_);
  if (bin < 0) {
    ++below_;
  } else if (bin >= static_cast<double>(counts_.size())) {
    ++above_;
  } else {
    ++counts_[static_cast<std::size_t>(bin)];
  }
}

double Histogram::quantile(double share) const {
  const double wanted = share * static_cast<double>(count_);
  double seen = static_cast<double>(below_);
  if (seen >= wanted && below_ > 0) return low_;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const double here = static_cast<double>(counts_[i]);
    if (here > 0 && seen + here >= wanted) {
      return low_ + step_ * (static_cast<double>(i) + (wanted - seen) / here);
    }
    seen += here;
  }
  return high();
}

std::int64_t Histogram::between(double from, double to) const {
  const auto at = [&](double x) {
    return static_cast<std::size_t>(
        std::clamp(std::round((x - low_) / step_), 0.0, static_cast<double>(counts_.size())));
  };
  std::int64_t sum = 0;
  for (std::size_t i = at(from); i < at(to); ++i) sum += counts_[i];
  return sum;
}

std::vector<int> elements_of_formula(std::string_view formula) {
  std::vector<int> elements;
  for (std::size_t i = 0; i < formula.size(); ++i) {
    if (formula[i] < 'A' || formula[i] > 'Z') continue;
    const bool two = i + 1 < formula.size() && formula[i + 1] >= 'a' && formula[i + 1] <= 'z';
    const int z = atomic_number(formula.substr(i, two ? 2 : 1));
    if (z > 0 && std::find(elements.begin(), elements.end(), z) == elements.end())
      elements.push_back(z);
  }
  return elements;
}

void SetFacts::add(const JudgedCrystal& judged) {
  const Verdict& v = judged.verdict;
  ++total;
  parsed += v.parsed;
  struct_valid += v.struct_valid;
  comp_valid += v.comp_valid;
  valid += v.struct_valid && v.comp_valid;
  if (!v.parsed) ++reasons[v.reason];
  if (v.formula) {
    ++with_atoms;
    for (const int z : elements_of_formula(*v.formula)) ++with_element[static_cast<std::size_t>(z)];
  }
  if (v.num_atoms) atoms.add(*v.num_atoms);
  if (v.num_elements) elements.add(*v.num_elements);
  if (v.density_g_cm3) density.add(*v.density_g_cm3);
  if (v.min_distance_a) distance.add(*v.min_distance_a);
  if (v.volume_a3 && v.num_atoms && *v.num_atoms > 0) atom_volume.add(*v.volume_a3 / *v.num_atoms);
  if (judged.e_above_hull) e_above_hull.add(*judged.e_above_hull);
}

void Extremes::add(double key, const JudgedCrystal& judged) {
  if (!std::isfinite(key)) return;
  if (kept_.size() == most_ && key >= kept_.back().first) return;
  const auto same = std::find_if(kept_.begin(), kept_.end(), [&](const auto& other) {
    return other.second.verdict.formula == judged.verdict.formula;
  });
  if (same != kept_.end()) {
    if (key >= same->first) return;
    kept_.erase(same);
  } else if (kept_.size() == most_) {
    kept_.pop_back();
  }
  const auto at = std::upper_bound(kept_.begin(), kept_.end(), key,
                                   [](double k, const auto& other) { return k < other.first; });
  kept_.insert(at, {key, judged});
}

}  // namespace anneal
