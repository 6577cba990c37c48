// Names within a run folder, and the metrics file that survives an interruption without double lines.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

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
};

/// Line of a training step.
struct StepMetrics {
  std::int64_t step = 0, tokens = 0, data_index = 0;
  double loss = 0, lr = 0, grad_norm = 0, tokens_per_second = 0, step_seconds = 0, mfu = 0,
         peak_rss_gib = 0;
};

/// metrics.jsonl and TensorBoard, written by rank 0.
class MetricsWriter {
 public:
  /// Keeps the lines of steps up to `resume_step` (what came after is done again); -1 keeps none.
  MetricsWriter(const RunFolder& folder, std::int64_t resume_step);
  ~MetricsWriter();
  void write(const StepMetrics& metrics);
  void write_validation(std::int64_t step, const std::string& split, double loss);
  void flush();

 private:
  void line(const std::string& text);
  struct Board;
  std::filesystem::path path_;
  std::ofstream file_;
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
