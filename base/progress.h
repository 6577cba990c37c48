// A progress line on a terminal: "label  [#####.....]  42%  1,234/2,900  812/s  left 3s".
// On something that is not a terminal it prints one plain line at the end (and every 30 s).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace anneal {

class Progress {
 public:
  /// `total` 0 means unknown. With `enabled` false nothing is printed (other ranks, --quiet).
  Progress(std::string label, std::int64_t total, bool enabled = true);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Sets the count done and, if given, a note shown at the end of the line. Cheap to call often.
  void set(std::int64_t done, const std::string& note = "");
  void add(std::int64_t count = 1) { set(done_ + count, note_); }
  /// Prints the last state and a line feed; called by the destructor if not before.
  void finish();

 private:
  void print(bool last);
  std::string label_, note_;
  std::int64_t total_, done_ = 0;
  bool enabled_, terminal_, finished_ = false;
  std::chrono::steady_clock::time_point start_, last_print_;
};

}  // namespace anneal
