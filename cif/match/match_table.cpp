#include "cif/match/match_table.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "cif/crystal_table.h"
#include "cif/csv.h"
#include "cif/ordered_batches.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kBatchPairs = 64;
constexpr std::size_t kBatchBytes = std::size_t{4} << 20;

using TextPair = std::pair<std::string, std::string>;

struct PairVerdict {
  MatchResult result;
  std::string reason;  // why there is no answer
};

std::string fault(const char* column, const ParsedCrystal& parsed) {
  return fmt::format("{}: {}: {}", column, reject_name(parsed.reason), parsed.detail);
}

PairVerdict compare(const TextPair& texts, const MatchOptions& options) {
  const ParsedCrystal a = parse_crystal_text(texts.first), b = parse_crystal_text(texts.second);
  if (!a.crystal) return {{}, fault("cif_a", a)};
  if (!b.crystal) return {{}, fault("cif_b", b)};
  // different compositions cannot match, whatever the cells
  if (reduced(a.composition) != reduced(b.composition)) return {};
  const ReducedCrystal one = reduce_for_matching(*a.crystal),
                       other = reduce_for_matching(*b.crystal);
  if (one.too_large || other.too_large) {
    return {{}, fmt::format("more than {} sites: not compared", kMaxMatchSites)};
  }
  return {match_crystals(one, other, options), ""};
}

std::vector<PairVerdict> compare_batch(std::vector<TextPair> batch, MatchOptions options) {
  std::vector<PairVerdict> verdicts;
  for (const auto& texts : batch) verdicts.push_back(compare(texts, options));
  return verdicts;
}

std::string summary_json(const MatchSummary& s, const MatchOptions& options) {
  const auto or_null = [](std::optional<double> x) {
    return x ? nlohmann::ordered_json(*x) : nlohmann::ordered_json(nullptr);
  };
  nlohmann::ordered_json j;
  j["format"] = "anneal-match";
  j["version"] = 1;
  j["total"] = s.total;
  j["unreadable"] = s.unreadable;
  j["matches"] = s.matches;
  j["match_rate"] = or_null(s.match_rate());
  j["mean_rms"] = or_null(s.mean_rms());
  j["denominators"] = {{"match_rate", "total"}, {"mean_rms", "matches"}};
  j["ltol"] = options.length_tolerance;
  j["stol"] = options.site_tolerance;
  j["angle_tol"] = options.angle_tolerance_deg;
  return j.dump(2) + "\n";
}

}  // namespace

std::optional<double> MatchSummary::match_rate() const {
  if (total == 0) return std::nullopt;
  return static_cast<double>(matches) / static_cast<double>(total);
}

std::optional<double> MatchSummary::mean_rms() const {
  if (matches == 0) return std::nullopt;
  return rms_sum / static_cast<double>(matches);
}

MatchSummary match_table(const fs::path& pairs, const fs::path& out_dir,
                         const MatchTableOptions& options) {
  CsvReader reader(pairs);
  const std::size_t column_a = reader.column("cif_a"), column_b = reader.column("cif_b");
  make_folders(out_dir);
  std::error_code ignored;
  fs::remove(out_dir / "summary.json", ignored);  // an older one must not seem to belong to this
  AtomicFile file(out_dir / "matches.jsonl");
  Progress progress("match", 0, options.progress && options.log.speaks());

  MatchSummary summary;
  const auto write = [&](const std::vector<PairVerdict>& verdicts) {
    std::string lines;
    for (const auto& [result, reason] : verdicts) {
      lines += fmt::format(
          "{{\"index\": {}, \"match\": {}, \"rms\": {}, \"reason\": {}}}\n", summary.total,
          result.match, result.rms ? fmt::format("{}", *result.rms) : "null",
          nlohmann::json(reason).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
      ++summary.total;
      summary.unreadable += !reason.empty();
      summary.matches += result.match;
      if (result.match && result.rms) summary.rms_sum += *result.rms;
    }
    file.write(lines);
    progress.set(summary.total);
  };

  std::vector<std::string> fields;
  const auto read = [&]() -> std::optional<std::vector<TextPair>> {
    std::vector<TextPair> batch;
    for (std::size_t bytes = 0; batch.size() < kBatchPairs && bytes < kBatchBytes;) {
      if (!reader.next(fields)) break;
      // a short row has no crystal there
      fields.resize(std::max({fields.size(), column_a + 1, column_b + 1}));
      bytes += fields[column_a].size() + fields[column_b].size();
      batch.emplace_back(std::move(fields[column_a]), std::move(fields[column_b]));
    }
    if (batch.empty()) return std::nullopt;
    return batch;
  };
  OrderedBatches<std::vector<TextPair>, std::vector<PairVerdict>>(
      options.threads, read,
      [&](std::vector<TextPair> batch) { return compare_batch(std::move(batch), options.match); },
      write)
      .run();
  progress.finish();
  if (summary.total == 0) {
    throw DataError(fmt::format("{} holds no pair (0 rows)", pairs.string()),
                    "check that it is the file that was meant");
  }
  file.commit();
  write_file_atomic(out_dir / "summary.json", summary_json(summary, options.match));
  return summary;
}

}  // namespace anneal
