#include "base/progress.h"

#include <cstdio>
#include <utility>

#include <fmt/core.h>
#include <unistd.h>

#include "base/text.h"

namespace anneal {

using Clock = std::chrono::steady_clock;

Progress::Progress(std::string label, std::int64_t total, bool enabled)
    : label_(std::move(label)),
      total_(total),
      enabled_(enabled),
      terminal_(::isatty(STDERR_FILENO) != 0),
      start_(Clock::now()),
      last_print_(start_) {}

Progress::~Progress() { finish(); }

void Progress::set(std::int64_t done, const std::string& note) {
  done_ = done;
  note_ = note;
  if (!enabled_ || finished_) return;
  const double since_s = std::chrono::duration<double>(Clock::now() - last_print_).count();
  if (since_s >= (terminal_ ? 0.1 : 30.0)) print(/*last=*/false);
}

void Progress::finish() {
  if (finished_) return;
  finished_ = true;
  if (enabled_) print(/*last=*/true);
}

void Progress::print(bool last) {
  last_print_ = Clock::now();
  const double elapsed_s = std::chrono::duration<double>(last_print_ - start_).count();
  const double rate = elapsed_s > 0 ? static_cast<double>(done_) / elapsed_s : 0;
  std::string line = fmt::format("{:<22}", label_);
  if (total_ > 0) {
    const double fraction = static_cast<double>(done_) / static_cast<double>(total_);
    const int filled = std::min(20, static_cast<int>(fraction * 20));
    line += fmt::format(" [{}{}] {:3.0f}% {}/{}", std::string(filled, '#'),
                        std::string(20 - filled, '.'), fraction * 100, with_commas(done_),
                        with_commas(total_));
  } else {
    line += fmt::format(" {}", with_commas(done_));
  }
  line += fmt::format(" {:.{}f}/s", rate, rate < 10 ? 1 : 0);
  if (last) {
    line += fmt::format(" in {}", human_duration(elapsed_s));
  } else if (total_ > 0 && rate > 0) {
    line += fmt::format(" left {}", human_duration(static_cast<double>(total_ - done_) / rate));
  }
  if (!note_.empty()) line += "  " + note_;
  if (terminal_) {
    fmt::print(stderr, "\r\033[K{}{}", line, last ? "\n" : "");
  } else {
    fmt::print(stderr, "{}\n", line);
  }
  std::fflush(stderr);
}

}  // namespace anneal
