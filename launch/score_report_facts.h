// What the report of a score shows, as plain values of bounded size: counts, histograms, and a few
// crystals that are kept.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "cif/crystal.h"
#include "cif/verdict.h"

namespace anneal {

/// Counts of values in equal steps from `low`; what lies outside is counted apart.
class Histogram {
 public:
  Histogram(double low, double step, int bins) : low_(low), step_(step), counts_(bins) {}
  /// Values that are not finite are ignored.
  void add(double value);
  std::int64_t count() const { return count_; }
  std::int64_t below() const { return below_; }
  std::int64_t above() const { return above_; }
  double mean() const { return sum_ / static_cast<double>(count_); }
  /// The value with this share of the counts below it, to within a step.
  double quantile(double share) const;
  /// Values in [from, to); both on the border of a step.
  std::int64_t between(double from, double to) const;
  double low() const { return low_; }
  double high() const { return low_ + step_ * static_cast<double>(counts_.size()); }
  double step() const { return step_; }

 private:
  double low_, step_, sum_ = 0;
  std::vector<std::int64_t> counts_;
  std::int64_t count_ = 0, below_ = 0, above_ = 0;
};

/// A line of verdicts.jsonl as the report uses it.
struct JudgedCrystal {
  Verdict verdict;
  std::optional<double> e_above_hull, relaxed_energy_per_atom, energy_per_atom, max_force_ev_a;
};

/// Counts over a set of crystals.
struct SetFacts {
  std::int64_t total = 0, parsed = 0, struct_valid = 0, comp_valid = 0, valid = 0;
  std::map<std::string, std::int64_t> reasons;
  std::int64_t with_atoms = 0;                   ///< whose atoms are known
  std::array<std::int64_t, 119> with_element{};  ///< crystals that contain the element
  Histogram atoms{0.5, 1, 1000}, elements{0.5, 1, 40};
  Histogram density{0, 0.05, 600}, distance{0, 0.02, 400}, atom_volume{0, 0.25, 800};
  Histogram e_above_hull{-2, 0.01, 700};
  /// Of a sample: crystals by space group 1..230, and those for which none was found.
  std::array<std::int64_t, 231> space_groups{};
  std::map<int, std::string> space_group_symbols;
  std::int64_t with_space_group = 0, without_space_group = 0;
  void add(const JudgedCrystal& judged);
};

/// Keeps the crystals with the lowest keys, one a formula.
class Extremes {
 public:
  explicit Extremes(std::size_t most) : most_(most) {}
  void add(double key, const JudgedCrystal& judged);
  /// Lowest key first.
  const std::vector<std::pair<double, JudgedCrystal>>& kept() const { return kept_; }

 private:
  std::size_t most_;
  std::vector<std::pair<double, JudgedCrystal>> kept_;
};

/// An even sample of a stream of unknown length (Vitter 1985, algorithm R), the same every time.
template <class T>
class Reservoir {
 public:
  explicit Reservoir(std::size_t most) : most_(most) {}
  void add(const T& value) {
    if (kept_.size() < most_) {
      kept_.push_back(value);
    } else if (const auto at = random_() % (seen_ + 1); at < most_) {
      kept_[at] = value;
    }
    ++seen_;
  }
  const std::vector<T>& kept() const { return kept_; }
  std::uint64_t seen() const { return seen_; }

 private:
  std::size_t most_;
  std::uint64_t seen_ = 0;
  std::vector<T> kept_;
  std::mt19937_64 random_{20251};
};

/// A crystal that is drawn.
struct ShownCrystal {
  JudgedCrystal judged;
  Crystal crystal;
  std::optional<double> contact;  ///< shortest distance over the sum of the covalent radii
};

struct ScoreFacts {
  std::filesystem::path input, reference_input, folder;
  nlohmann::ordered_json summary;  ///< summary.json
  SetFacts set;
  std::optional<SetFacts> reference;
  std::uint64_t reference_size =
      0;  ///< crystals in the reference, of which `reference` is a sample
  bool stability = false;
  std::vector<ShownCrystal> best, worst;
  std::uint64_t best_of = 0;  ///< from how many the best were chosen
  std::vector<std::string> notes;
};

/// Elements named in a formula such as "Li3Fe2(PO4)3".
std::vector<int> elements_of_formula(std::string_view formula);

/// Reads the files of a score and looks at a sample of the structures. Throws DataError if
/// summary.json or verdicts.jsonl cannot be read.
ScoreFacts read_score_facts(const std::filesystem::path& out_dir,
                            const std::filesystem::path& input,
                            const std::filesystem::path& reference, double cutoff_a, int threads);

}  // namespace anneal
