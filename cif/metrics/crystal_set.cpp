#include "cif/metrics/crystal_set.h"

#include <cstring>
#include <mutex>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "cif/for_each_index.h"
#include "cif/validity.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kReadAhead = 4096;  // rows that are read before they are parsed together
constexpr double kNoFingerprint = -1;  // in place of the first component, which is never negative

/// Crystals are dealt to ranks one by one: neighbours in a file are often of one size.
bool belongs_to(std::size_t index, int rank, int world_size) {
  return index % static_cast<std::size_t>(world_size) == static_cast<std::size_t>(rank);
}

SetCrystal without_structure_fingerprint(const ParsedCrystal& parsed, double cutoff_a) {
  SetCrystal one;
  one.crystal = *parsed.crystal;
  one.valid = composition_valid(parsed.composition) && structure_valid(one.crystal, cutoff_a);
  // CDVAE's own vector is of the counts as they are: fractions, so that they need not be reduced
  one.composition = standardized(magpie_vector(parsed.composition));
  return one;
}

}  // namespace

CrystalSet load_crystal_set(const fs::path& input, const CrystalSetOptions& options) {
  CrystalSet set;
  CrystalReader reader(input);
  const auto wanted = [&] { return options.most <= 0 || set.total < options.most; };
  bool more = true;
  while (more && wanted()) {
    std::vector<RawCrystal> rows;
    while (rows.size() < kReadAhead) {
      auto raw = reader.next_raw();
      if (!raw) {
        more = false;
        break;
      }
      rows.push_back(*std::move(raw));
    }
    std::vector<std::vector<std::optional<SetCrystal>>> parsed(rows.size());
    for_each_index(rows.size(), options.threads, [&](std::size_t i) {
      for (const auto& record : CrystalReader::parse(std::move(rows[i]))) {
        auto& place = parsed[i].emplace_back();
        if (record.parsed.crystal) {
          place = without_structure_fingerprint(record.parsed, options.cutoff_a);
        }
      }
    });
    for (auto& row : parsed) {
      for (auto& one : row) {
        if (!wanted()) break;
        ++set.total;
        if (one) set.crystals.push_back(*std::move(one));
      }
    }
  }
  const auto n = set.crystals.size();
  Progress progress("fingerprints", static_cast<std::int64_t>(n),
                    options.progress && options.log.speaks());
  std::mutex showing;
  for_each_index(n, options.threads, [&](std::size_t i) {
    if (belongs_to(i, options.rank, options.world_size)) {
      set.crystals[i].structure = structure_fingerprint(set.crystals[i].crystal).mean;
    }
    const std::lock_guard lock(showing);
    progress.add();
  });
  progress.finish();
  return set;
}

void save_fingerprints(const fs::path& file, const CrystalSet& set, int rank, int world_size) {
  std::vector<double> values = {static_cast<double>(set.crystals.size())};
  for (std::size_t i = 0; i < set.crystals.size(); ++i) {
    if (!belongs_to(i, rank, world_size)) continue;
    const auto& structure = set.crystals[i].structure;
    if (structure) {
      values.insert(values.end(), structure->begin(), structure->end());
    } else {
      values.insert(values.end(), kOpsSize, kNoFingerprint);
    }
  }
  std::string bytes(values.size() * sizeof(double), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  write_file_atomic(file, bytes);
}

void load_fingerprints(const fs::path& file, CrystalSet& set, int rank, int world_size) {
  const std::string bytes = read_file(file);
  std::vector<double> values(bytes.size() / sizeof(double));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(double));
  std::size_t mine = 0;
  for (std::size_t i = 0; i < set.crystals.size(); ++i) mine += belongs_to(i, rank, world_size);
  if (values.size() != 1 + mine * kOpsSize ||
      values[0] != static_cast<double>(set.crystals.size())) {
    throw DataError(
        fmt::format("{} holds the fingerprints of another set: {} crystals are expected",
                    file.string(), set.crystals.size()),
        "ranks must read the same input");
  }
  std::size_t at = 1;
  for (std::size_t i = 0; i < set.crystals.size(); ++i) {
    if (!belongs_to(i, rank, world_size)) continue;
    if (values[at] != kNoFingerprint) {
      std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(at), kOpsSize,
                  set.crystals[i].structure.emplace().begin());
    }
    at += kOpsSize;
  }
}

}  // namespace anneal
