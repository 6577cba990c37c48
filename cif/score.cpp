#include "cif/score.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/files.h"
#include "base/processors.h"
#include "base/progress.h"
#include "base/text.h"
#include "cif/byte_source.h"
#include "cif/elements.h"
#include "cif/for_each_index.h"
#include "cif/ordered_batches.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

// Rows are dealt to ranks and threads in batches of this many (fewer where they are large).
constexpr std::int64_t kBatchRows = 256;
constexpr std::size_t kBatchBytes = std::size_t{4} << 20;

fs::path part_path(const fs::path& out_dir, int rank) {
  return out_dir / fmt::format("verdicts.part-{:05}.jsonl", rank);
}

/// Verdicts and their lines, but for the numbers.
struct JudgedBatch {
  std::int64_t number = 0;
  std::vector<Verdict> verdicts;
  std::vector<std::string> lines;
};

JudgedBatch judge_batch(std::int64_t number, std::vector<RawCrystal> batch,
                        const ScoreOptions& options) {
  std::vector<CrystalRecord> records;
  records.reserve(batch.size());
  for (auto& raw : batch) {
    for (auto& record : CrystalReader::parse(std::move(raw))) records.push_back(std::move(record));
  }
  std::vector<Verdict> verdicts;
  verdicts.reserve(records.size());
  for (const auto& record : records) verdicts.push_back(judge(record, options.cutoff_a));
  for (const auto& part : options.parts) part->judge(records, verdicts);
  std::vector<std::string> lines;
  lines.reserve(verdicts.size());
  for (const auto& verdict : verdicts) lines.push_back(json_behind_id(verdict));
  return {number, std::move(verdicts), std::move(lines)};
}

std::int64_t rows_of_a_batch(const ScoreOptions& options) {
  std::int64_t rows = kBatchRows;
  for (const auto& part : options.parts) rows = std::min<std::int64_t>(rows, part->batch_rows());
  return std::max<std::int64_t>(1, rows);
}

void add_to_parts(const Verdict& verdict, const ScoreOptions& options) {
  for (const auto& part : options.parts) part->add(verdict);
}

void number(Verdict& verdict, std::int64_t index) {
  verdict.index = index;
  if (verdict.id.empty()) verdict.id = std::to_string(index);
}

std::optional<double> ratio(double part, std::int64_t whole) {
  if (whole == 0) return std::nullopt;
  return part / static_cast<double>(whole);
}

nlohmann::ordered_json json_or_null(const std::optional<double>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

nlohmann::ordered_json summary_object(const ScoreSummary& summary, const ScoreOptions& options);

/// The generated and the real crystals, with the structure fingerprints that fall to this rank;
/// with rank -1 none.
struct TwoSets {
  CrystalSet generated, reference;
  TwoSets(const fs::path& input, const ScoreOptions& options, int rank) {
    CrystalSetOptions set{.most = options.reference->most,
                          .cutoff_a = options.cutoff_a,
                          .threads = options.threads,
                          .rank = rank,
                          .world_size = std::max(1, options.world_size),
                          .progress = options.progress,
                          .log = options.log};
    generated = load_crystal_set(input, set);
    set.most = 0;
    reference = load_crystal_set(options.reference->input, set);
    if (reference.crystals.empty()) {
      throw DataError(fmt::format("{} holds no crystal to compare with ({} rows)",
                                  options.reference->input.string(), reference.total));
    }
  }
};

fs::path fingerprint_part(const fs::path& out_dir, const char* set, int rank) {
  return out_dir / fmt::format("fingerprints-{}.part-{:05}.bin", set, rank);
}

/// Compares the sets, if there are any (`sets` may be null), and writes summary.json.
void finish(ScoreSummary& summary, const fs::path& out_dir, const ScoreOptions& options,
            const TwoSets* sets) {
  auto object = summary_object(summary, options);
  if (sets != nullptr) {
    auto metrics = options.reference->metrics;
    metrics.threads = options.threads;
    summary.compared = set_metrics(sets->generated, sets->reference, metrics);
    add_to_summary(*summary.compared, metrics, object);
    object["compared_with"] = options.reference->input.string();
  }
  for (const auto& part : options.parts) part->finish(object);
  write_file_atomic(out_dir / "summary.json", object.dump(2) + "\n");
}

}  // namespace

void ScoreSummary::add(const Verdict& verdict) {
  ++total;
  struct_valid += verdict.struct_valid;
  comp_valid += verdict.comp_valid;
  valid += verdict.struct_valid && verdict.comp_valid;
  if (verdict.parsed) {
    ++parsed;
  } else {
    ++reasons[verdict.reason];
  }
  if (verdict.struct_valid) {
    density_sum_g_cm3 += *verdict.density_g_cm3;
    elements_sum += *verdict.num_elements;
    atoms_sum += *verdict.num_atoms;
  }
}

std::optional<double> ScoreSummary::struct_valid_rate() const {
  return ratio(static_cast<double>(struct_valid), total);
}
std::optional<double> ScoreSummary::comp_valid_rate() const {
  return ratio(static_cast<double>(comp_valid), total);
}
std::optional<double> ScoreSummary::valid_rate() const {
  return ratio(static_cast<double>(valid), total);
}
std::optional<double> ScoreSummary::mean_density() const {
  return ratio(density_sum_g_cm3, struct_valid);
}
std::optional<double> ScoreSummary::mean_num_elements() const {
  return ratio(elements_sum, struct_valid);
}
std::optional<double> ScoreSummary::mean_num_atoms() const {
  return ratio(atoms_sum, struct_valid);
}

namespace {

nlohmann::ordered_json summary_object(const ScoreSummary& s, const ScoreOptions& options) {
  nlohmann::ordered_json j;
  j["format"] = "anneal-score";
  j["version"] = 1;
  j["total"] = s.total;
  j["parsed"] = s.parsed;
  j["struct_valid"] = s.struct_valid;
  j["comp_valid"] = s.comp_valid;
  j["valid"] = s.valid;
  j["struct_valid_rate"] = json_or_null(s.struct_valid_rate());
  j["comp_valid_rate"] = json_or_null(s.comp_valid_rate());
  j["valid_rate"] = json_or_null(s.valid_rate());
  j["mean_density"] = json_or_null(s.mean_density());
  j["mean_num_elements"] = json_or_null(s.mean_num_elements());
  j["mean_num_atoms"] = json_or_null(s.mean_num_atoms());
  j["denominators"] = {{"struct_valid_rate", "total"},
                       {"comp_valid_rate", "total"},
                       {"valid_rate", "total"},
                       {"mean_density", "struct_valid"},
                       {"mean_num_elements", "struct_valid"},
                       {"mean_num_atoms", "struct_valid"}};
  j["rules"] = {
      {"struct_valid",
       fmt::format("CDVAE: no two sites closer than {} A (minimum image), volume at least 0.1 A^3",
                   options.cutoff_a)},
      {"comp_valid", fmt::format("CDVAE smact_validity, {}", kOxidationTable)}};
  j["reasons"] = s.reasons;
  return j;
}

}  // namespace

std::string to_json(const ScoreSummary& summary, const ScoreOptions& options) {
  return summary_object(summary, options).dump(2) + "\n";
}

ScoreSummary score_file(const fs::path& input, const fs::path& out_dir,
                        const ScoreOptions& options) {
  CrystalReader reader(input);
  if (options.reference) CrystalReader readable(options.reference->input);  // a fault shows at once
  const bool alone = options.world_size <= 1;
  options.log.info("scoring {} ({})", input.string(), reader.description());
  make_folders(out_dir);
  if (options.rank == 0) {
    // older files must not seem to belong to what is written now
    std::error_code ignored;
    fs::remove(out_dir / "summary.json", ignored);
    fs::remove(out_dir / "report.html", ignored);
    fs::remove(out_dir / "verdicts.jsonl", ignored);
  }
  AtomicFile file(alone ? out_dir / "verdicts.jsonl" : part_path(out_dir, options.rank));
  Progress progress("score", 0, options.progress && options.log.speaks());

  ScoreSummary summary;
  std::string lines;
  const auto write = [&](JudgedBatch judged) {
    lines.clear();
    for (std::size_t i = 0; i < judged.verdicts.size(); ++i) {
      Verdict& verdict = judged.verdicts[i];
      if (alone) {
        number(verdict, summary.total);
      } else {
        verdict.index = judged.number;  // the merge numbers them anew, batch by batch
      }
      summary.add(verdict);
      if (alone) add_to_parts(verdict, options);
      lines += to_json(verdict.index, verdict.id, judged.lines[i]);
      lines += '\n';
    }
    file.write(lines);
    progress.set(summary.total);
  };

  struct RawBatch {
    std::int64_t number = 0;
    std::vector<RawCrystal> rows;
  };
  const std::int64_t batch_rows = rows_of_a_batch(options);
  std::int64_t batches = 0;
  // The batches that fall to this rank: all of the input is read, which is quick.
  const auto read = [&]() -> std::optional<RawBatch> {
    while (true) {
      RawBatch batch{batches++, {}};
      std::size_t bytes = 0;
      while (static_cast<std::int64_t>(batch.rows.size()) < batch_rows && bytes < kBatchBytes) {
        auto raw = reader.next_raw();
        if (!raw) break;
        bytes += raw->bytes();
        batch.rows.push_back(*std::move(raw));
      }
      if (batch.rows.empty()) return std::nullopt;
      if (batch.number % std::max(1, options.world_size) == options.rank) return batch;
    }
  };
  OrderedBatches<RawBatch, JudgedBatch>(
      options.threads, read,
      [&](RawBatch batch) { return judge_batch(batch.number, std::move(batch.rows), options); },
      write)
      .run();
  progress.finish();

  if (alone && summary.total == 0) {
    throw DataError(fmt::format("{} holds no crystal (0 rows)", input.string()),
                    "check that it is the file that was meant");
  }
  file.commit();
  if (!options.reference) {
    if (alone) finish(summary, out_dir, options, nullptr);
    return summary;
  }
  const TwoSets sets(input, options, options.rank);
  if (alone) {
    finish(summary, out_dir, options, &sets);
  } else {
    for (const auto& [name, set] :
         {std::pair{"generated", &sets.generated}, {"reference", &sets.reference}}) {
      save_fingerprints(fingerprint_part(out_dir, name, options.rank), *set, options.rank,
                        options.world_size);
    }
  }
  return summary;
}

ScoreSummary merge_score_parts(const fs::path& input, const fs::path& out_dir,
                               const ScoreOptions& options) {
  struct Part {
    std::unique_ptr<ByteSource> source;
    std::optional<Verdict> ahead;
    void advance() {
      std::string line;
      ahead.reset();
      if (source->read_line(line)) ahead = verdict_from_json(line);
    }
  };
  std::vector<Part> parts(options.world_size);
  for (int rank = 0; rank < options.world_size; ++rank) {
    parts[rank].source = std::make_unique<ByteSource>(part_path(out_dir, rank));
    parts[rank].advance();
  }
  AtomicFile file(out_dir / "verdicts.jsonl");
  ScoreSummary summary;
  while (true) {
    // the part with the lowest batch comes next
    Part* next = nullptr;
    for (auto& part : parts) {
      if (part.ahead && (next == nullptr || part.ahead->index < next->ahead->index)) next = &part;
    }
    if (next == nullptr) break;
    for (const auto batch = next->ahead->index; next->ahead && next->ahead->index == batch;
         next->advance()) {
      number(*next->ahead, summary.total);
      summary.add(*next->ahead);
      add_to_parts(*next->ahead, options);
      file.write(to_json(*next->ahead) + "\n");
    }
  }
  if (summary.total == 0) throw DataError("there is no crystal in the input (0 rows)");
  file.commit();
  if (options.reference) {
    auto silent = options;
    silent.progress = false;
    TwoSets sets(input, silent, -1);
    for (int rank = 0; rank < options.world_size; ++rank) {
      for (auto& [name, set] :
           {std::pair{"generated", &sets.generated}, {"reference", &sets.reference}}) {
        const auto part = fingerprint_part(out_dir, name, rank);
        load_fingerprints(part, *set, rank, options.world_size);
        fs::remove(part);
      }
    }
    finish(summary, out_dir, options, &sets);
  } else {
    finish(summary, out_dir, options, nullptr);
  }
  for (int rank = 0; rank < options.world_size; ++rank) fs::remove(part_path(out_dir, rank));
  return summary;
}

namespace {

/// Calls `verdict_of(i)` for 0..n-1 on several threads.
template <class F>
ScoredRecords score_many(std::size_t n, const ScoreOptions& options, F verdict_of) {
  ScoredRecords result;
  result.verdicts.resize(n);
  const auto threads =
      std::clamp<std::size_t>(n / 64, 1, static_cast<std::size_t>(threads_or_processors(options.threads)));
  for_each_index(n, static_cast<int>(threads),
                 [&](std::size_t i) { result.verdicts[i] = verdict_of(i); });
  for (const auto& verdict : result.verdicts) result.summary.add(verdict);
  return result;
}

}  // namespace

ScoredRecords score_records(std::span<const CrystalRecord> records, const ScoreOptions& options) {
  return score_many(records.size(), options,
                    [&](std::size_t i) { return judge(records[i], options.cutoff_a); });
}

ScoredRecords score_texts(std::span<const std::string> texts, const ScoreOptions& options) {
  return score_many(texts.size(), options, [&](std::size_t i) {
    CrystalRecord record;
    record.index = static_cast<std::int64_t>(i);
    record.id = std::to_string(i);
    record.parsed = parse_crystal_text(texts[i]);
    return judge(record, options.cutoff_a);
  });
}

}  // namespace anneal
