// Reads verdicts back, then the structures of a sample of the crystals: those that are drawn, and
// those whose symmetry is found.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "cif/byte_source.h"
#include "cif/crystal_table.h"
#include "cif/fingerprint/covalent_radii.h"
#include "cif/fingerprint/neighbor_search.h"
#include "cif/symmetry/space_group.h"
#include "launch/score_report_facts.h"
#include "launch/score_report_text.h"

namespace anneal {
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

constexpr std::size_t kShown = 6;            // best, and as many worst
constexpr std::size_t kCandidates = 100;     // valid crystals among which the best are looked for
constexpr std::size_t kMaxDrawnSites = 300;  // a canvas with more is no help
// spglib takes 1 to 3 ms a crystal, ten times as long as all of the judging: it is asked where a
// comparison is wanted, which costs as much anyway, and in small sets
constexpr std::size_t kSymmetryBeside = 500;
constexpr std::size_t kSymmetryAlone = 200;
constexpr int kMaxSymmetryAtoms = 60;
constexpr std::size_t kMaxReference = 10'000;  // crystals of the reference that are judged

JudgedCrystal judged_from_json(const std::string& line) {
  JudgedCrystal judged;
  judged.verdict = verdict_from_json(line);
  const Json extra = Json(judged.verdict.extra);
  if (extra.is_object()) {
    judged.e_above_hull = number(extra, "e_above_hull");
    judged.energy_per_atom = number(extra, "energy_per_atom");
    judged.relaxed_energy_per_atom = number(extra, "relaxed_energy_per_atom");
    judged.max_force_ev_a = number(extra, "max_force_ev_a");
  }
  return judged;
}

/// Index and id of a crystal whose structure is wanted.
struct Wanted {
  std::int64_t index = 0;
  std::string id;
};

/// The structures of the wanted crystals, in one pass over the input that parses only them.
std::map<std::int64_t, Crystal> fetch(const fs::path& input,
                                      const std::map<std::int64_t, std::string>& wanted) {
  std::map<std::int64_t, Crystal> found;
  if (wanted.empty()) return found;
  // a file may hold several crystals, which only reading it tells: their ids begin with its name
  std::multimap<std::string, std::int64_t> by_file;
  for (const auto& [index, id] : wanted) by_file.emplace(id.substr(0, id.find('#')), index);
  CrystalReader reader(input);
  std::int64_t index = 0;
  const auto last = wanted.rbegin()->first;
  while (auto raw = reader.next_raw()) {
    if (raw->kind == RawCrystal::Kind::kFile) {
      const auto [begin, end] = by_file.equal_range(raw->id.substr(0, raw->id.find('#')));
      if (begin == end) continue;
      for (auto& record : CrystalReader::parse(*std::move(raw))) {
        for (auto at = begin; at != end; ++at) {
          if (wanted.at(at->second) == record.id && record.parsed.crystal)
            found.emplace(at->second, *record.parsed.crystal);
        }
      }
      continue;
    }
    if (wanted.contains(index)) {
      auto records = CrystalReader::parse(*std::move(raw));
      if (!records.empty() && records[0].parsed.crystal)
        found.emplace(index, *std::move(records[0].parsed.crystal));
    }
    if (index++ == last) break;
  }
  return found;
}

/// Shortest distance between two sites, own images included, over the sum of their covalent radii:
/// 1 is a bond. Nothing if no two sites are within reach of one.
std::optional<double> contact_ratio(const Crystal& crystal) {
  constexpr double kReach = 5.5;  // Angstrom, beyond the sum of any two radii
  const NeighborSearch search(crystal);
  std::vector<Neighbor> near;
  double best = INFINITY;
  for (std::size_t i = 0; i < crystal.sites.size(); ++i) {
    if (!search.within(static_cast<int>(i), kReach, /*limit=*/2000, near))
      return 0;  // crowded beyond any crystal
    for (const auto& neighbor : near) {
      const double radii =
          covalent_radius_a(crystal.sites[i].atomic_number) +
          covalent_radius_a(crystal.sites[static_cast<std::size_t>(neighbor.site)].atomic_number);
      if (radii > 0) best = std::min(best, neighbor.distance / radii);
    }
  }
  if (!std::isfinite(best)) return std::nullopt;
  return best;
}

/// Calls `work(i)` for 0..n-1 on several threads.
template <class F>
void for_each(std::size_t n, int threads, F work) {
  const auto count =
      std::clamp<std::size_t>(n / 16, 1, static_cast<std::size_t>(std::max(1, threads)));
  const auto part = [&](std::size_t first) {
    for (std::size_t i = first; i < n; i += count) work(i);
  };
  std::vector<std::future<void>> others;
  for (std::size_t t = 1; t < count; ++t) others.push_back(std::async(std::launch::async, part, t));
  part(0);
  for (auto& other : others) other.get();
}

void find_space_groups(const std::vector<const Crystal*>& crystals, int threads, SetFacts& facts) {
  std::vector<int> groups(crystals.size(), 0);
  std::vector<std::string> symbols(crystals.size());
  for_each(crystals.size(), threads, [&](std::size_t i) {
    if (crystals[i]->sites.size() > static_cast<std::size_t>(kMaxSymmetryAtoms)) return;
    if (auto group = find_space_group(*crystals[i])) {
      groups[i] = group->number;
      symbols[i] = std::move(group->symbol);
    }
  });
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const int group = groups[i];
    if (group > 0) facts.space_group_symbols.emplace(group, symbols[i]);
    if (group == 0) {
      ++facts.without_space_group;
    } else {
      ++facts.with_space_group;
      ++facts.space_groups[static_cast<std::size_t>(group)];
    }
  }
}

SetFacts read_reference(const fs::path& input, double cutoff_a, int threads, std::uint64_t& size) {
  Reservoir<RawCrystal> sample(kMaxReference);
  CrystalReader reader(input);
  while (auto raw = reader.next_raw()) sample.add(*raw);
  size = sample.seen();
  const auto& rows = sample.kept();
  std::vector<std::vector<CrystalRecord>> records(rows.size());
  std::vector<std::vector<JudgedCrystal>> judged(rows.size());
  for_each(rows.size(), threads, [&](std::size_t i) {
    records[i] = CrystalReader::parse(rows[i]);
    for (const auto& record : records[i])
      judged[i].push_back({judge(record, cutoff_a), {}, {}, {}, {}});
  });
  SetFacts facts;
  Reservoir<const Crystal*> crystals(kSymmetryBeside);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (const auto& one : judged[i]) facts.add(one);
    for (const auto& record : records[i]) {
      if (record.parsed.crystal) crystals.add(&*record.parsed.crystal);
    }
  }
  find_space_groups(crystals.kept(), threads, facts);
  return facts;
}

}  // namespace

ScoreFacts read_score_facts(const fs::path& out_dir, const fs::path& input,
                            const fs::path& reference, double cutoff_a, int threads) {
  ScoreFacts facts;
  facts.folder = out_dir;
  facts.input = input;
  facts.reference_input = reference;
  facts.summary = nlohmann::ordered_json::parse(read_file(out_dir / "summary.json"), nullptr,
                                                /*allow_exceptions=*/false);
  if (!facts.summary.is_object())
    throw DataError(fmt::format("cannot read {}: not a summary of a score",
                                (out_dir / "summary.json").string()));
  facts.stability =
      facts.summary.contains("metastable_rate") || facts.summary.contains("mean_e_above_hull");

  Reservoir<JudgedCrystal> valid(kCandidates);
  Reservoir<Wanted> parsed(reference.empty() ? kSymmetryAlone + 1 : kSymmetryBeside);
  Extremes lowest_energy(2 * kShown), closest(2 * kShown), highest_energy(2 * kShown),
      unbalanced(2 * kShown);
  ByteSource lines(out_dir / "verdicts.jsonl");
  std::string line;
  while (lines.read_line(line)) {
    const JudgedCrystal judged = judged_from_json(line);
    facts.set.add(judged);
    const Verdict& v = judged.verdict;
    if (!v.parsed) continue;
    parsed.add({v.index, v.id});
    if (v.num_atoms.value_or(0) > static_cast<int>(kMaxDrawnSites)) continue;
    if (v.struct_valid && v.comp_valid) {
      valid.add(judged);
      if (judged.e_above_hull) lowest_energy.add(*judged.e_above_hull, judged);
    }
    if (!v.struct_valid)
      closest.add(v.min_distance_a.value_or(0), judged);
    else if (!v.comp_valid)
      unbalanced.add(-static_cast<double>(v.num_elements.value_or(0)), judged);
    if (judged.e_above_hull) highest_energy.add(-*judged.e_above_hull, judged);
  }

  // the worst: what is no structure; then what is far above the hull; then what cannot be neutral
  std::vector<JudgedCrystal> worst, best;
  std::set<std::string> formulas;
  for (const auto* kind : {&closest, &highest_energy, &unbalanced}) {
    for (const auto& [key, judged] : kind->kept()) {
      if (kind == &highest_energy && key > -0.1) continue;
      if (worst.size() < kShown && formulas.insert(judged.verdict.formula.value_or("")).second)
        worst.push_back(judged);
    }
  }
  for (const auto& [key, judged] : lowest_energy.kept()) best.push_back(judged);
  facts.best_of = static_cast<std::uint64_t>(facts.set.valid);
  if (best.empty()) {  // no energies: the valid ones of the sample, chosen below by their contacts
    facts.best_of = valid.kept().size();
    best = valid.kept();
  }

  std::map<std::int64_t, std::string> wanted;
  const bool symmetry = !reference.empty() || parsed.kept().size() <= kSymmetryAlone;
  if (symmetry) {
    for (const auto& row : parsed.kept()) wanted.emplace(row.index, row.id);
  }
  for (const auto* list : {&best, &worst}) {
    for (const auto& judged : *list) wanted.emplace(judged.verdict.index, judged.verdict.id);
  }
  std::map<std::int64_t, Crystal> crystals;
  try {
    crystals = fetch(input, wanted);
  } catch (const DataError& error) {
    facts.notes.push_back(fmt::format(
        "The structures could not be read again, so that none is drawn: {}", error.what()));
  }
  const auto shown = [&](const std::vector<JudgedCrystal>& list) {
    std::vector<ShownCrystal> result;
    for (const auto& judged : list) {
      const auto found = crystals.find(judged.verdict.index);
      if (found == crystals.end()) continue;
      // (the input may have changed since)
      if (found->second.formula() != judged.verdict.formula.value_or("")) continue;
      result.push_back({judged, found->second, contact_ratio(found->second)});
    }
    return result;
  };
  facts.worst = shown(worst);
  facts.best = shown(best);
  if (lowest_energy.kept().empty()) {
    const auto strangeness = [](const ShownCrystal& s) {
      return s.contact ? std::abs(std::log(*s.contact)) : 1e9;
    };
    std::stable_sort(facts.best.begin(), facts.best.end(),
                     [&](const auto& a, const auto& b) { return strangeness(a) < strangeness(b); });
    formulas.clear();
    std::erase_if(facts.best, [&](const ShownCrystal& s) {
      return !formulas.insert(s.crystal.formula()).second;
    });
  }
  if (facts.best.size() > kShown) facts.best.resize(kShown);

  std::vector<const Crystal*> sample;
  for (const auto& row : symmetry ? parsed.kept() : std::vector<Wanted>()) {
    if (const auto found = crystals.find(row.index); found != crystals.end())
      sample.push_back(&found->second);
  }
  find_space_groups(sample, threads, facts.set);
  if (!reference.empty()) {
    try {
      facts.reference = read_reference(reference, cutoff_a, threads, facts.reference_size);
    } catch (const DataError& error) {
      facts.notes.push_back(fmt::format("The reference could not be read again: {}", error.what()));
    }
  }
  return facts;
}

}  // namespace anneal
