#include "cif/stability/hull_sources.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>

#include "base/error.h"
#include "base/progress.h"
#include "cif/crystal_table.h"
#include "cif/csv.h"
#include "cif/elements.h"
#include "cif/for_each_index.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMostTold = 20;

bool has_crystal_column(const fs::path& path) {
  const CsvReader table(path);
  for (const char* name : {"cif", "text", "gen_str", "original_gen_str", "lengths"}) {
    if (table.find(name)) return true;
  }
  return false;
}

}  // namespace

std::string HullSource::in_words() const {
  if (computed) {
    return fmt::format(
        "{}: {} of {} crystals, energies by CHGNet 0.3.0, which learned energies with "
        "MP2020 corrections",
        path, used, read);
  }
  std::string runs;
  for (const auto& [name, count] : functionals) runs += fmt::format(", {} {}", count, name);
  return fmt::format(
      "{}: {} of {} entries{}; MP2020 corrections applied to {}, brought along by {}", path, used,
      read, runs, corrected, stored);
}

std::vector<std::string> HullSources::warnings() const {
  std::vector<std::string> all;
  std::map<std::string, std::int64_t> functionals;
  for (const auto& source : sources) {
    for (const auto& [name, count] : source.functionals) functionals[name] += count;
    if (!source.left_out.empty()) {
      all.push_back(fmt::format("{}: {} of {} left out, the first: {}", source.path,
                                source.read - source.used, source.read, source.left_out[0]));
    }
  }
  for (const auto& [name, count] : functionals) {
    if (name == "unknown") {
      all.push_back(
          fmt::format("{} entries do not say how they were computed: their energies are taken as "
                      "they are, and must be GGA/GGA+U with MP2020 corrections to go with CHGNet's",
                      count));
    } else if (name != "GGA" && name != "GGA+U" && name != "GGA_U" && name != "PBE" &&
               name != "PBE+U") {
      all.push_back(
          fmt::format("{} entries are of {}: their energies do not go with CHGNet's, which learned "
                      "GGA/GGA+U with MP2020 corrections",
                      count, name));
    }
  }
  if (std::none_of(entries.begin(), entries.end(), [](const auto& e) { return e.amounts.size() > 1; }) &&
      !entries.empty()) {
    all.push_back("the hull holds no compound, only elements: energies over it are formation energies, and a "
                  "crystal that is \"stable\" is so against its elements alone");
  }
  return all;
}

bool holds_crystals(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return true;
  std::string name = path.filename().string();
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  if (name.ends_with(".cif")) return true;
  return name.ends_with(".csv") && has_crystal_column(path);
}

void add_entries(const fs::path& path, HullSources& hull) {
  auto read = read_phase_entries(path);
  HullSource source{.path = path.string(),
                    .read = read.report.read,
                    .used = static_cast<std::int64_t>(read.entries.size()),
                    .corrected = read.report.corrected,
                    .stored = read.report.stored,
                    .functionals = read.report.functionals,
                    .left_out = read.report.left_out};
  source.left_out.resize(std::min(source.left_out.size(), kMostTold));
  hull.sources.push_back(std::move(source));
  std::move(read.entries.begin(), read.entries.end(), std::back_inserter(hull.entries));
}

CrystalEnergies evaluate_crystals(const fs::path& path, const Chgnet& net,
                                  const StabilityOptions& options, int threads, int rank,
                                  int world_size, const Log& log) {
  CrystalEnergies result;
  result.source.path = path.string();
  result.source.computed = true;
  CrystalReader reader(path);
  std::vector<Crystal> crystals;
  const auto leave_out = [&](const std::string& id, const std::string& reason) {
    if (result.source.left_out.size() < kMostTold) {
      result.source.left_out.push_back(fmt::format("{}: {}", id, reason));
    }
  };
  while (auto record = reader.next()) {
    ++result.source.read;
    if (!record->parsed.crystal) {
      leave_out(record->id, std::string(reject_name(record->parsed.reason)));
      continue;
    }
    auto& crystal = *record->parsed.crystal;
    result.entries.push_back({record->id, to_amounts(crystal.composition()), 0});
    crystals.push_back(std::move(crystal));
  }
  result.energy_per_atom.assign(crystals.size(), 0);
  std::vector<std::size_t> own;
  for (std::size_t i = static_cast<std::size_t>(rank); i < crystals.size();
       i += static_cast<std::size_t>(world_size)) {
    own.push_back(i);
  }
  Progress progress("hull", static_cast<std::int64_t>(own.size()), log.speaks());
  std::atomic<std::int64_t> done = 0;
  std::mutex shown;
  threads = static_cast<int>(std::clamp<std::size_t>(own.size(), 1, std::max(1, threads)));
  std::vector<Chgnet::Workspace> workspaces(threads);
  std::atomic<int> next_workspace = 0;
  std::atomic<std::size_t> next = 0;
  for_each_index(static_cast<std::size_t>(threads), threads, [&](std::size_t) {
    auto& workspace = workspaces[next_workspace++];
    for (std::size_t k; (k = next++) < own.size();) {
      const std::size_t i = own[k];
      std::string reason;
      const auto entry = phase_entry(net, crystals[i], "", options, workspace, reason);
      result.energy_per_atom[i] = entry ? entry->energy_per_atom() : std::nan("");
      const std::lock_guard lock(shown);
      progress.set(++done);
    }
  });
  progress.finish();
  return result;
}

void add_crystals(CrystalEnergies crystals, HullSources& hull) {
  auto& source = crystals.source;
  for (std::size_t i = 0; i < crystals.entries.size(); ++i) {
    auto& entry = crystals.entries[i];
    const double energy = crystals.energy_per_atom[i];
    if (!std::isfinite(energy)) {
      if (source.left_out.size() < kMostTold) {
        source.left_out.push_back(fmt::format("{}: CHGNet has no energy for it (too many atoms, see --max-atoms, an unknown element, or no neighbours)", entry.id));
      }
      continue;
    }
    entry.energy_ev = energy * entry.atoms();
    hull.entries.push_back(std::move(entry));
    ++source.used;
  }
  hull.sources.push_back(std::move(source));
}

}  // namespace anneal
