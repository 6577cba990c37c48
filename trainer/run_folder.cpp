#include "trainer/run_folder.h"

#include <cmath>

#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "trainer/tensorboard.h"

namespace anneal {

using Json = nlohmann::ordered_json;

struct MetricsWriter::Board {
  TensorBoardWriter writer;
};

MetricsWriter::MetricsWriter(const RunFolder& folder, std::int64_t resume_step)
    : path_(folder.metrics()) {
  std::string kept;
  if (resume_step >= 0 && std::filesystem::exists(path_)) {
    const std::string before = read_file(path_);
    for (const auto text : split(before, '\n')) {
      const Json entry = Json::parse(text, nullptr, /*allow_exceptions=*/false);
      // A line cut short by the interruption is not JSON and goes.
      if (entry.is_object() && entry.value("step", std::int64_t{0}) <= resume_step) {
        kept += std::string(text) + "\n";
      }
    }
  }
  write_file_atomic(path_, kept);
  file_.open(path_, std::ios::app);
  make_folders(folder.tensorboard());
  board_ = std::make_unique<Board>(Board{TensorBoardWriter(folder.tensorboard())});
}

MetricsWriter::~MetricsWriter() = default;

void MetricsWriter::line(const std::string& text) {
  file_ << text << '\n';
  if (!file_.flush()) {
    throw DataError(fmt::format("cannot write {}", path_.string()),
                    "the disk may be full: free some space and call the command again, it resumes");
  }
}

void MetricsWriter::write(const StepMetrics& m) {
  // dump() writes the shortest text that reads back as the same number: losses can be compared bit
  // for bit between runs.
  line(Json{{"step", m.step},
            {"tokens", m.tokens},
            {"loss", m.loss},
            {"lr", m.lr},
            {"grad_norm", m.grad_norm},
            {"tokens_per_second", m.tokens_per_second},
            {"step_seconds", m.step_seconds},
            {"mfu", m.mfu},
            {"peak_rss_gib", m.peak_rss_gib},
            {"data_index", m.data_index}}
           .dump());
  auto& board = board_->writer;
  board.scalar("train/loss", m.step, m.loss);
  board.scalar("train/lr", m.step, m.lr);
  board.scalar("train/grad_norm", m.step, m.grad_norm);
  board.scalar("speed/tokens_per_second", m.step, m.tokens_per_second);
}

void MetricsWriter::write_validation(std::int64_t step, const std::string& split, double loss) {
  line(Json{{"step", step}, {"split", split}, {"loss", loss}, {"perplexity", std::exp(loss)}}.dump());
  board_->writer.scalar("validation/" + split, step, loss);
  board_->writer.flush();
}

void MetricsWriter::flush() { board_->writer.flush(); }

std::vector<MetricsLine> read_metrics(const RunFolder& folder) {
  std::vector<MetricsLine> lines;
  const std::string all = read_file(folder.metrics());
  for (const auto text : split(all, '\n')) {
    const Json entry = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!entry.is_object() || !entry.contains("loss") || !entry["loss"].is_number()) continue;
    lines.push_back({.step = entry.value("step", std::int64_t{0}),
                     .split = entry.value("split", ""),
                     .loss = entry["loss"],
                     .tokens_per_second = entry.value("tokens_per_second", 0.0)});
  }
  return lines;
}

double peak_rss_gib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / (1 << 20);
}

}  // namespace anneal
