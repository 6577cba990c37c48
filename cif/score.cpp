#include "cif/score.h"

#include <algorithm>
#include <deque>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "base/text.h"
#include "cif/byte_source.h"
#include "cif/elements.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

// Rows are dealt to ranks and threads in batches of this many (fewer where they are large).
constexpr std::int64_t kBatchRows = 256;
constexpr std::size_t kBatchBytes = std::size_t{4} << 20;

int thread_count(const ScoreOptions& options) {
  if (options.threads > 0) return options.threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

fs::path part_path(const fs::path& out_dir, int rank) {
  return out_dir / fmt::format("verdicts.part-{:05}.jsonl", rank);
}

std::vector<Verdict> judge_batch(std::vector<RawCrystal> batch, double cutoff_a) {
  std::vector<Verdict> verdicts;
  verdicts.reserve(batch.size());
  for (auto& raw : batch) {
    for (const auto& record : CrystalReader::parse(std::move(raw))) {
      verdicts.push_back(judge(record, cutoff_a));
    }
  }
  return verdicts;
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

void finish(const ScoreSummary& summary, const fs::path& out_dir, const ScoreOptions& options) {
  write_file_atomic(out_dir / "summary.json", to_json(summary, options));
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

std::string to_json(const ScoreSummary& s, const ScoreOptions& options) {
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
  return j.dump(2) + "\n";
}

ScoreSummary score_file(const fs::path& input, const fs::path& out_dir,
                        const ScoreOptions& options) {
  CrystalReader reader(input);
  const bool alone = options.world_size <= 1;
  options.log.info("scoring {} ({})", input.string(), reader.description());
  make_folders(out_dir);
  if (options.rank == 0) {
    // an older summary must not seem to belong to what is written now
    std::error_code ignored;
    fs::remove(out_dir / "summary.json", ignored);
  }
  AtomicFile file(alone ? out_dir / "verdicts.jsonl" : part_path(out_dir, options.rank));
  Progress progress("score", 0, options.progress && options.log.speaks());

  ScoreSummary summary;
  std::string lines;
  const auto write = [&](std::vector<Verdict> verdicts, std::int64_t batch) {
    lines.clear();
    for (auto& verdict : verdicts) {
      if (alone) {
        number(verdict, summary.total);
      } else {
        verdict.index = batch;  // the merge numbers them anew, batch by batch
      }
      summary.add(verdict);
      lines += to_json(verdict);
      lines += '\n';
    }
    file.write(lines);
    progress.set(summary.total);
  };

  // One thread (this one) reads and writes, others judge; results are written in order, and no more
  // batches are under way than keep the threads busy.
  const int threads = thread_count(options);
  std::deque<std::pair<std::int64_t, std::future<std::vector<Verdict>>>> running;
  const auto write_oldest = [&] {
    auto [batch, result] = std::move(running.front());
    running.pop_front();
    write(result.get(), batch);
  };
  bool more = true;
  for (std::int64_t batch_number = 0; more; ++batch_number) {
    std::vector<RawCrystal> batch;
    std::size_t bytes = 0;
    while (static_cast<std::int64_t>(batch.size()) < kBatchRows && bytes < kBatchBytes) {
      auto raw = reader.next_raw();
      if (!raw) {
        more = false;
        break;
      }
      bytes += raw->bytes();
      batch.push_back(*std::move(raw));
    }
    if (batch.empty() || batch_number % std::max(1, options.world_size) != options.rank) continue;
    if (threads == 1) {
      write(judge_batch(std::move(batch), options.cutoff_a), batch_number);
      continue;
    }
    if (static_cast<int>(running.size()) >= threads) write_oldest();
    running.emplace_back(batch_number, std::async(std::launch::async, judge_batch, std::move(batch),
                                                  options.cutoff_a));
  }
  while (!running.empty()) write_oldest();
  progress.finish();

  if (alone && summary.total == 0) {
    throw DataError(fmt::format("{} holds no crystal (0 rows)", input.string()),
                    "check that it is the file that was meant");
  }
  file.commit();
  if (alone) finish(summary, out_dir, options);
  return summary;
}

ScoreSummary merge_score_parts(const fs::path& out_dir, const ScoreOptions& options) {
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
      file.write(to_json(*next->ahead) + "\n");
    }
  }
  if (summary.total == 0) throw DataError("there is no crystal in the input (0 rows)");
  file.commit();
  finish(summary, out_dir, options);
  for (int rank = 0; rank < options.world_size; ++rank) fs::remove(part_path(out_dir, rank));
  return summary;
}

namespace {

/// Calls `verdict_of(i)` for 0..n-1 on several threads.
template <class F>
ScoredRecords score_many(std::size_t n, const ScoreOptions& options, F verdict_of) {
  ScoredRecords result;
  result.verdicts.resize(n);
  const std::size_t threads =
      std::clamp<std::size_t>(n / 64, 1, static_cast<std::size_t>(thread_count(options)));
  const auto work = [&](std::size_t first) {
    for (std::size_t i = first; i < n; i += threads) result.verdicts[i] = verdict_of(i);
  };
  std::vector<std::future<void>> others;
  for (std::size_t t = 1; t < threads; ++t) {
    others.push_back(std::async(std::launch::async, work, t));
  }
  work(0);
  for (auto& other : others) other.get();
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
