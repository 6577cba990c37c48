#include "parallel/group.h"

#include <unistd.h>

namespace anneal {

std::string Group::broadcast(const std::string& text, const std::string& label) const {
  std::uint64_t size = text.size();
  broadcast(&size, sizeof size, /*root=*/0, label);
  std::string result = is_root() ? text : std::string(size, '\0');
  if (size > 0) broadcast(result.data(), size, /*root=*/0, label);
  return result;
}

CommunicationError waited_too_long(int rank, const std::string& label, const std::string& place,
                                   double waited_s, const std::string& missing) {
  return CommunicationError(
      fmt::format("rank {} on {}: {}{} has waited {:.3g} s for {}", rank, host_name(), label,
                  place.empty() ? "" : " in " + place, waited_s,
                  missing.empty() ? "the other ranks" : missing),
      "a rank hangs, died or is much slower; raise train.watchdog_s if the work is long");
}

std::string host_name() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace anneal
