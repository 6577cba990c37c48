// What a command tells the person at the terminal. A value, passed by those who own it: rank 0 gets
// one that speaks, other ranks and --quiet get silent ones. Warnings always go to standard error.
#pragma once

#include <cstdio>
#include <string>

#include <fmt/core.h>

namespace anneal {

class Log {
 public:
  /// `speaks` false: nothing at all is printed. `quiet` true: only warnings.
  explicit Log(bool speaks = true, bool quiet = false) : speaks_(speaks), quiet_(quiet) {}
  bool speaks() const { return speaks_ && !quiet_; }

  template <class... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) const {
    if (speaks()) line(stdout, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void warn(fmt::format_string<Args...> format, Args&&... args) const {
    if (speaks_) line(stderr, "warning: " + fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  static void line(std::FILE* stream, const std::string& text) {
    std::fprintf(stream, "%s\n", text.c_str());
    std::fflush(stream);
  }
  bool speaks_, quiet_;
};

}  // namespace anneal
