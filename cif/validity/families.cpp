#include "cif/validity/families.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "cif/validity.h"
#include "cif/validity/crystallm.h"
#include "cif/validity/lemat.h"
#include "cif/validity/validity_tables.h"

namespace anneal {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json json_of(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

/// Counts the crystals that pass each rule; a rate is over those that the rule could be asked of.
class Rule {
 public:
  Rule(std::string field, std::string denominator)
      : field_(std::move(field)), denominator_(std::move(denominator)) {}
  const std::string& field() const { return field_; }

  /// `asked`: whether the crystal belongs to the denominator.
  void add(const Verdict& verdict, bool asked) {
    const Json& value = verdict.extra.at(field_);
    asked_ += asked;
    passed_ += asked && value.is_boolean() && value.get<bool>();
  }
  void finish(Json& summary) const {
    summary[field_] = passed_;
    const std::string rate = field_ + "_rate";
    summary[rate] = asked_ == 0 ? Json(nullptr)
                                : Json(static_cast<double>(passed_) / static_cast<double>(asked_));
    summary["denominators"][rate] = denominator_;
  }
  void print(const Log& log) const {
    log.info("{:<28}{:>12}  {:>9}", field_, passed_,
             asked_ == 0 ? "-"
                         : fmt::format("{:.2f} %", 100.0 * static_cast<double>(passed_) /
                                                       static_cast<double>(asked_)));
  }

 private:
  std::string field_, denominator_;
  std::int64_t asked_ = 0, passed_ = 0;
};

/// A part made of rules over all crystals.
class RulePart : public ScorePart {
 public:
  void add(const Verdict& verdict) override {
    for (Rule& rule : rules_) rule.add(verdict, asked(verdict));
  }
  void finish(Json& summary) override {
    for (const Rule& rule : rules_) rule.finish(summary);
    summary["rules"][name_] = text_;
  }
  void print(const Log& log) const override {
    for (const Rule& rule : rules_) rule.print(log);
  }

 protected:
  RulePart(std::string name, std::string text) : name_(std::move(name)), text_(std::move(text)) {}
  virtual bool asked(const Verdict&) const { return true; }
  std::vector<Rule> rules_;

 private:
  std::string name_, text_;
};

class SymmetryPart : public ScorePart {
 public:
  int batch_rows() const override { return 64; }
  void judge(std::span<const CrystalRecord> records, std::span<Verdict> verdicts) const override {
    for (std::size_t i = 0; i < records.size(); ++i) {
      std::optional<SpaceGroup> group;
      if (const auto& crystal = records[i].parsed.crystal) group = find_space_group(*crystal);
      verdicts[i].extra["space_group_number"] = group ? Json(group->number) : Json(nullptr);
      verdicts[i].extra["space_group"] = group ? Json(group->symbol) : Json(nullptr);
    }
  }
  void add(const Verdict& verdict) override {
    const Json& number = verdict.extra.at("space_group_number");
    if (!number.is_null()) {
      ++counts_[number.get<int>()];
      ++found_;
    }
  }
  void finish(Json& summary) override {
    summary["space_group_found"] = found_;
    Json counts = Json::object();
    for (const auto& [number, count] : counts_) counts[std::to_string(number)] = count;
    summary["space_groups"] = std::move(counts);
    summary["rules"]["space_group"] =
        fmt::format("spglib, symprec {} A, angle tolerance 5 degrees", kSymmetryPrecision);
  }
  void print(const Log& log) const override {
    log.info("{:<28}{:>12}", "space group found", found_);
  }

 private:
  std::map<int, std::int64_t> counts_;
  std::int64_t found_ = 0;
};

class CrystaLlmPart : public RulePart {
 public:
  CrystaLlmPart()
      : RulePart(
            "crystallm_valid",
            "CrystaLLM: a CIF whose formulae, multiplicities and space group (by number, symprec "
            "0.1) agree with its content, cell of 0.5..1000 A and 10..170 degrees, all bonds "
            "(CrystalNN) within 32 % of the sum of radii; texts that are no CIF state nothing") {
    for (const char* rule : {"formula_consistent", "multiplicity_consistent", "bonds_reasonable",
                             "space_group_consistent", "sensible_cell", "valid"}) {
      rules_.emplace_back(std::string("crystallm_") + rule, "crystallm_cifs");
    }
  }
  int batch_rows() const override { return 32; }

  void judge(std::span<const CrystalRecord> records, std::span<Verdict> verdicts) const override {
    for (std::size_t i = 0; i < records.size(); ++i) {
      const ParsedCrystal& parsed = records[i].parsed;
      Json& extra = verdicts[i].extra;
      for (const Rule& rule : rules_) extra[rule.field()] = nullptr;
      extra["crystallm_bond_length_score"] = nullptr;
      extra["crystallm_cif"] = parsed.from_cif;
      if (!parsed.crystal) {
        if (parsed.from_cif) extra["crystallm_valid"] = false;
        continue;
      }
      const Crystal& crystal = *parsed.crystal;
      const auto score = bond_length_score(crystal);
      const bool sensible = sensible_cell(crystal.cell);
      extra["crystallm_bond_length_score"] = json_of(score);
      extra["crystallm_bonds_reasonable"] = score == 1.0;
      extra["crystallm_sensible_cell"] = sensible;
      if (!parsed.stated) continue;
      const bool formula = formula_consistent(*parsed.stated);
      const bool multiplicity = multiplicity_consistent(*parsed.stated);
      const bool group = space_group_consistent(*parsed.stated, find_space_group(crystal));
      extra["crystallm_formula_consistent"] = formula;
      extra["crystallm_multiplicity_consistent"] = multiplicity;
      extra["crystallm_space_group_consistent"] = group;
      extra["crystallm_valid"] = formula && multiplicity && group && sensible && score == 1.0;
    }
  }
  bool asked(const Verdict& verdict) const override {
    return verdict.extra.at("crystallm_cif").get<bool>();
  }
  void add(const Verdict& verdict) override {
    RulePart::add(verdict);
    cifs_ += asked(verdict);
  }
  void finish(Json& summary) override {
    summary["crystallm_cifs"] = cifs_;
    RulePart::finish(summary);
  }

 private:
  std::int64_t cifs_ = 0;
};

class LematPart : public RulePart {
 public:
  LematPart()
      : RulePart(
            "lemat_valid",
            "LeMat-GenBench: charge neutral (metallicity, bond valences or composition), no two "
            "sites within half of 0.7 A and their atomic radii, plausible densities and cell") {
    for (const char* rule : {"charge_neutral", "distances_valid", "plausible", "valid"}) {
      rules_.emplace_back(std::string("lemat_") + rule, "total");
    }
  }
  int batch_rows() const override { return 64; }

  void judge(std::span<const CrystalRecord> records, std::span<Verdict> verdicts) const override {
    for (std::size_t i = 0; i < records.size(); ++i) {
      Json& extra = verdicts[i].extra;
      bool neutral = false, distances = false, plausible = false;
      ChargeBalance balance = ChargeBalance::kNone;
      if (const auto& crystal = records[i].parsed.crystal) {
        const auto group = find_space_group(*crystal);
        balance = lemat_charge_balance(*crystal, group ? &*group : nullptr);
        neutral = balance != ChargeBalance::kNone;
        distances = lemat_distances_valid(*crystal);
        plausible = lemat_plausible(*crystal);
      }
      extra["lemat_charge_neutral"] = neutral;
      extra["lemat_charge_by"] = kChargeNames[static_cast<int>(balance)];
      extra["lemat_distances_valid"] = distances;
      extra["lemat_plausible"] = plausible;
      extra["lemat_valid"] = neutral && distances && plausible;
    }
  }

 private:
  static constexpr const char* kChargeNames[] = {"metallic", "no_bonds", "bond_valence",
                                                 "composition", ""};
};

class SelfImagesPart : public RulePart {
 public:
  explicit SelfImagesPart(double cutoff_a)
      : RulePart(
            "self_images_valid",
            fmt::format("no site closer than {} A to an image of itself; by radii: than half of "
                        "0.7 A plus twice its atomic radius",
                        cutoff_a)),
        cutoff_a_(cutoff_a) {
    rules_.emplace_back("self_images_valid", "total");
    rules_.emplace_back("self_images_valid_by_radii", "total");
  }
  void judge(std::span<const CrystalRecord> records, std::span<Verdict> verdicts) const override {
    for (std::size_t i = 0; i < records.size(); ++i) {
      std::optional<double> distance;
      double largest = 0;
      if (const auto& crystal = records[i].parsed.crystal) {
        distance = self_distance(crystal->cell);
        for (const auto& [z, count] : records[i].parsed.composition) {
          const double radius = kValidityFacts[z - 1].atomic_radius_a;
          largest = std::max(largest, radius > 0 ? radius : 1.0);
        }
      }
      verdicts[i].extra["self_distance_a"] = json_of(distance);
      verdicts[i].extra["self_images_valid"] = distance && *distance >= cutoff_a_;
      verdicts[i].extra["self_images_valid_by_radii"] =
          distance && *distance >= 0.5 * (0.7 + 2 * largest);
    }
  }

 private:
  double cutoff_a_;
};

}  // namespace

const std::vector<std::string>& family_names() {
  static const std::vector<std::string> names = {"symmetry", "crystallm", "lemat", "self_images"};
  return names;
}

std::vector<std::shared_ptr<ScorePart>> family_parts(const std::vector<std::string>& names,
                                                     double cutoff_a) {
  const auto& known = family_names();
  for (const auto& name : names) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw UsageError(fmt::format("no validity family is called '{}'", name),
                       fmt::format("there are {}", fmt::join(known, ", ")));
    }
  }
  std::vector<std::shared_ptr<ScorePart>> parts;
  for (const auto& name : known) {
    if (std::find(names.begin(), names.end(), name) == names.end()) continue;
    if (name == "symmetry") parts.push_back(std::make_shared<SymmetryPart>());
    if (name == "crystallm") parts.push_back(std::make_shared<CrystaLlmPart>());
    if (name == "lemat") parts.push_back(std::make_shared<LematPart>());
    if (name == "self_images") parts.push_back(std::make_shared<SelfImagesPart>(cutoff_a));
  }
  return parts;
}

}  // namespace anneal
