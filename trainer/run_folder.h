// Names within a run folder, and the metrics file that survives an interruption without double lines.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "recipes/schema.h"

namespace anneal {

/// Paths of a run (architecture.md, "Files in a run folder").
struct RunFolder {
  std::filesystem::path root;
  std::filesystem::path checkpoints() const { return root / "checkpoints"; }
  std::filesystem::path model() const { return root / "model"; }
  std::filesystem::path adapter() const { return root / "adapter"; }
  std::filesystem::path metrics() const { return root / "metrics.jsonl"; }
  std::filesystem::path tensorboard() const { return root / "tensorboard"; }
  std::filesystem::path summary() const { return root / "summary.json"; }
  std::filesystem::path recipe() const { return root / "recipe.yaml"; }
  std::filesystem::path incidents() const { return root / "incidents.jsonl"; }
  std::filesystem::path rewinds() const { return root / "rewinds.json"; }
};

/// Line of a training step.
struct StepMetrics {
  std::int64_t step = 0, tokens = 0, data_index = 0;
  double loss = 0, lr = 0, grad_norm = 0, tokens_per_second = 0, step_seconds = 0, mfu = 0,
         peak_rss_gib = 0;
  std::string fault;  ///< why the step changed no weight; "" for a sound step
};

/// metrics.jsonl and TensorBoard, written by rank 0. On a full disk lines wait in memory until there is room
/// again, with one warning: a run does not end for its diary.
class MetricsWriter {
 public:
  /// Keeps the lines of steps up to `resume_step` (what came after is done again); -1 keeps none.
  MetricsWriter(const RunFolder& folder, std::int64_t resume_step, const Log& log);
  ~MetricsWriter();
  void write(const StepMetrics& metrics);
  void write_validation(std::int64_t step, const std::string& split, double loss);
  /// Hands everything to the system. Throws DataError if lines still wait.
  void flush();

 private:
  void line(const std::string& text);
  bool write_pending();
  template <class Action>
  void on_board(Action action);
  struct Board;
  struct Descriptor;
  std::filesystem::path path_;
  Log log_;
  std::unique_ptr<Descriptor> file_;
  std::string pending_;  // lines the disk had no room for
  bool warned_ = false;
  std::unique_ptr<Board> board_;
};

/// A line of metrics.jsonl, as far as a summary needs it.
struct MetricsLine {
  std::int64_t step = 0;
  std::string split;  ///< of a validation line, else ""
  double loss = 0, tokens_per_second = 0;
};

/// All lines in their order; those that are no JSON are left out.
std::vector<MetricsLine> read_metrics(const RunFolder& folder);

/// Largest resident memory of this process so far, GiB.
double peak_rss_gib();

}  // namespace anneal
