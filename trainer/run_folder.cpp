#include "trainer/run_folder.h"

#include <cerrno>
#include <cmath>
#include <cstring>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "trainer/tensorboard.h"

namespace anneal {

using Json = nlohmann::ordered_json;

struct MetricsWriter::Board {
  TensorBoardWriter writer;
};

struct MetricsWriter::Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

MetricsWriter::MetricsWriter(const RunFolder& folder, std::int64_t resume_step, const Log& log)
    : path_(folder.metrics()), log_(log), file_(std::make_unique<Descriptor>()) {
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
  file_->fd = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file_->fd < 0) throw_file_error("cannot open", path_, errno);
  on_board([&] {
    make_folders(folder.tensorboard());
    board_ = std::make_unique<Board>(Board{TensorBoardWriter(folder.tensorboard())});
  });
}

MetricsWriter::~MetricsWriter() = default;

bool MetricsWriter::write_pending() {
  while (!pending_.empty()) {
    const ssize_t done = ::write(file_->fd, pending_.data(), pending_.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    pending_.erase(0, static_cast<std::size_t>(done));
  }
  warned_ = false;
  return true;
}

void MetricsWriter::line(const std::string& text) {
  pending_ += text + '\n';
  if (write_pending() || warned_) return;
  log_.warn("cannot write {}: {}; the run goes on and keeps its lines until there is room", path_.string(),
            std::strerror(errno));
  warned_ = true;
}

/// TensorBoard is a copy of metrics.jsonl: what it misses on a full disk is not kept.
template <class Action>
void MetricsWriter::on_board(Action action) {
  try {
    action();
  } catch (const DataError& error) {
    if (board_ || !warned_) log_.warn("{}; TensorBoard's files end here, metrics.jsonl goes on", error.what());
    board_.reset();
  }
}

void MetricsWriter::write(const StepMetrics& m) {
  // dump() writes the shortest text that reads back as the same number: losses can be compared bit
  // for bit between runs.
  Json entry{{"step", m.step},
             {"tokens", m.tokens},
             {"loss", m.loss},
             {"lr", m.lr},
             {"grad_norm", m.grad_norm},
             {"tokens_per_second", m.tokens_per_second},
             {"step_seconds", m.step_seconds},
             {"mfu", m.mfu},
             {"peak_rss_gib", m.peak_rss_gib},
             {"data_index", m.data_index}};
  if (!m.fault.empty()) entry["fault"] = m.fault;
  line(entry.dump());
  if (!board_) return;
  on_board([&] {
    auto& board = board_->writer;
    board.scalar("train/loss", m.step, m.loss);
    board.scalar("train/lr", m.step, m.lr);
    board.scalar("train/grad_norm", m.step, m.grad_norm);
    board.scalar("speed/tokens_per_second", m.step, m.tokens_per_second);
  });
}

void MetricsWriter::write_validation(std::int64_t step, const std::string& split, double loss) {
  line(Json{{"step", step}, {"split", split}, {"loss", loss}, {"perplexity", std::exp(loss)}}.dump());
  if (!board_) return;
  on_board([&] {
    board_->writer.scalar("validation/" + split, step, loss);
    board_->writer.flush();
  });
}

void MetricsWriter::flush() {
  if (!write_pending()) throw_file_error("cannot write", path_, errno);
  if (board_) on_board([&] { board_->writer.flush(); });
}

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
