#include "data/corpus_facts.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/fingerprint.h"
#include "base/random.h"
#include "base/text.h"
#include "cif/crystal_table.h"
#include "cif/elements.h"
#include "data/facts_elements.h"
#include "data/facts_space_groups.h"

namespace anneal {
namespace {

std::vector<FactCrystal> read_crystal_table(const std::string& path) {
  std::vector<FactCrystal> crystals;
  CrystalReader reader{std::filesystem::path(path)};
  while (auto record = reader.next()) {
    if (!record->parsed.crystal) continue;
    FactCrystal fact;
    fact.id = record->id;
    fact.crystal = *std::move(record->parsed.crystal);
    fact.formula = fact.crystal.formula();
    fact.density_g_cm3 = fact.crystal.density();
    const auto group = record->columns.find("spacegroup");
    if (group != record->columns.end() && facts_space_group_number(group->second) > 0) {
      fact.spacegroup = group->second;
    }
    crystals.push_back(std::move(fact));
  }
  return crystals;
}

double norm(const Cartesian& v) { return std::sqrt(v.x * v.x + v.y * v.y + v.z * v.z); }

/// Reads an amount at `at`; 1 if there is none.
double amount(std::string_view text, std::size_t& at) {
  double value = 1;
  const auto [end, error] =
      std::from_chars(text.data() + at, text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc()) return 1;
  at = end - text.data();
  return value;
}

/// Reads elements and groups up to the end or a closing parenthesis; false if there is anything
/// else.
bool read_group(std::string_view text, std::size_t& at, std::map<int, double>& counts) {
  while (at < text.size() && text[at] != ')') {
    std::map<int, double> part;
    if (text[at] == '(') {
      ++at;
      if (!read_group(text, at, part) || at >= text.size()) return false;
      ++at;
    } else {
      std::size_t length =
          at + 1 < text.size() && text[at + 1] >= 'a' && text[at + 1] <= 'z' ? 2 : 1;
      const int z = atomic_number(text.substr(at, length));
      if (z == 0) return false;
      part[z] = 1;
      at += length;
    }
    const double times = amount(text, at);
    for (const auto& [z, count] : part) counts[z] += count * times;
  }
  return true;
}

}  // namespace

bool has_usable_size(const Crystal& crystal, const CorpusOptions& options) {
  const auto sites = static_cast<std::int64_t>(crystal.sites.size());
  return sites >= options.min_sites && sites <= options.max_sites;
}

CorpusFacts load_corpus_facts(const CorpusOptions& options, std::uint64_t seed) {
  auto crystals = options.crystals == "builtin"
                      ? read_fact_crystals(facts_folder() / "crystals.csv")
                      : read_crystal_table(options.crystals);
  CorpusFacts facts;
  const std::uint64_t key = derive_key({seed, name_key("held-out crystals")});
  std::int64_t usable_train = 0, usable_heldout = 0;
  for (auto& crystal : crystals) {
    const bool usable = has_usable_size(crystal.crystal, options);
    const double draw = static_cast<double>(hash64(crystal.formula, key) >> 11) * 0x1.0p-53;
    const bool heldout = draw < options.heldout;
    (heldout ? usable_heldout : usable_train) += usable;
    const NearestPair nearest = nearest_pair(crystal.crystal);
    (heldout ? facts.heldout : facts.train).push_back({std::move(crystal), nearest});
  }
  if (usable_train == 0 || (options.heldout > 0 && usable_heldout == 0)) {
    throw DataError(
        fmt::format(
            "corpus: of {} crystals in {}, {} with {} to {} sites are for training and {} "
            "held out",
            crystals.size(), options.crystals, usable_train, options.min_sites, options.max_sites, usable_heldout),
        "widen corpus.min_sites to corpus.max_sites, name a larger table in corpus.crystals, or hold nothing out with "
        "corpus.heldout: 0");
  }
  facts.gaps = read_band_gaps(facts_folder() / "band_gaps.csv");
  for (const auto& [formula, gap] : facts.gaps) facts.gap_of.emplace(formula, gap);
  return facts;
}

NearestPair nearest_pair(const Crystal& crystal) {
  const auto m = crystal.cell.matrix();
  NearestPair best;
  best.distance_a = std::numeric_limits<double>::infinity();
  // Images within two cells suffice: relaxed cells are not that oblique, and coordinates are
  // wrapped.
  constexpr int kRange = 2;
  std::vector<Cartesian> images, places;
  for (int u = -kRange; u <= kRange; ++u) {
    for (int v = -kRange; v <= kRange; ++v) {
      for (int w = -kRange; w <= kRange; ++w) {
        images.push_back(to_cartesian(m, {double(u), double(v), double(w)}));
      }
    }
  }
  for (const auto& [z, p] : crystal.sites) {
    places.push_back(to_cartesian(m, {wrap_fraction(p.x), wrap_fraction(p.y), wrap_fraction(p.z)}));
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    for (std::size_t j = i; j < places.size(); ++j) {
      const Cartesian d = {places[j].x - places[i].x, places[j].y - places[i].y,
                           places[j].z - places[i].z};
      for (std::size_t k = 0; k < images.size(); ++k) {
        if (i == j && k == images.size() / 2) continue;  // the atom itself
        const double distance = norm({d.x + images[k].x, d.y + images[k].y, d.z + images[k].z});
        if (distance < best.distance_a) {
          best = {distance, crystal.sites[i].atomic_number, crystal.sites[j].atomic_number};
        }
      }
    }
  }
  return best;
}

std::map<int, double> parse_formula(std::string_view formula) {
  std::map<int, double> counts;
  std::size_t at = 0;
  if (!read_group(formula, at, counts) || at != formula.size()) return {};
  return counts;
}

std::map<int, int> balanced_states(const Composition& composition) {
  std::vector<int> elements;
  for (const auto& [z, count] : composition) {
    if (std::isnan(element(z).electronegativity)) return {};
    elements.push_back(z);
  }
  if (elements.size() < 2 || elements.size() > 5) return {};
  // most electronegative first
  std::sort(elements.begin(), elements.end(), [](int one, int other) {
    return element(one).electronegativity > element(other).electronegativity;
  });
  std::map<int, int> states;
  const auto search = [&](auto&& self, std::size_t i, int charge, bool positive) -> bool {
    if (i == elements.size()) return charge == 0;
    const int z = elements[i];
    for (const int state : common_oxidation_states(z)) {  // ascending: anions as negative as can be
      if (state < 0 ? positive : i == 0) continue;
      states[z] = state;
      if (self(self, i + 1, charge + state * composition.at(z), state > 0)) return true;
    }
    states.erase(z);
    return false;
  };
  return search(search, 0, 0, false) ? states : std::map<int, int>{};
}

double spacing_001_a(const UnitCell& cell) {
  const double gamma = cell.gamma * 3.14159265358979323846 / 180;
  return cell.volume() / (cell.a * cell.b * std::sin(gamma));
}

std::string_view gap_class(double gap_ev) {
  if (gap_ev <= 0) return "metal";
  if (gap_ev < 0.5) return "narrow-gap semiconductor";
  if (gap_ev < 3) return "semiconductor";
  if (gap_ev < 5) return "wide-gap semiconductor";
  return "insulator";
}

}  // namespace anneal
