#include "recipes/faults.h"

#include <algorithm>

#include "base/error.h"

namespace anneal {

std::string Origin::at(int zero_based_line) const {
  return is_file && zero_based_line >= 0 ? fmt::format("{}:{}", name, zero_based_line + 1) : name;
}

void Faults::add(const std::string& place, const std::string& text, int line) {
  for (const auto& fault : faults_) {
    if (fault.place == place && fault.text == text) return;
  }
  faults_.push_back({place, text, files_, line});
}

bool Faults::is_unread(const std::string& key) const {
  for (const auto& unread : unread_) {
    if (key == unread || key.rfind(unread + ".", 0) == 0 || unread.rfind(key + ".", 0) == 0) return true;
  }
  return false;
}

void Faults::append(const Faults& other) {
  ++files_;
  for (const auto& fault : other.faults_) add(fault.place, fault.text, fault.line);
}

void Faults::throw_if_any(const std::string& what) const {
  if (faults_.empty()) return;
  auto sorted = faults_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Fault& a, const Fault& b) { return std::pair(a.file, a.line) < std::pair(b.file, b.line); });
  std::string message;
  if (sorted.size() == 1) {
    message = fmt::format("{}: {}", sorted[0].place, sorted[0].text);
  } else {
    message = fmt::format("{} faults in {}:", sorted.size(), what);
    for (const auto& fault : sorted) message += fmt::format("\n  {}: {}", fault.place, fault.text);
  }
  throw UsageError(message, "`anneal train --help` lists every recipe key with its range");
}

}  // namespace anneal
