#include "parallel/agreement.h"

#include <cstdint>
#include <vector>

namespace anneal {

std::string agreed_fault(const Group& group, const std::string& own, const std::string& label) {
  double faults[1] = {own.empty() ? 0.0 : 1.0};
  group.all_reduce_sum(faults, label);
  if (faults[0] == 0) return "";
  std::vector<double> by_rank(static_cast<std::size_t>(group.size()), 0.0);
  by_rank[static_cast<std::size_t>(group.rank())] = own.empty() ? 0.0 : 1.0;
  group.all_reduce_sum(by_rank, label);
  int speaker = 0;
  while (by_rank[static_cast<std::size_t>(speaker)] == 0) ++speaker;
  std::uint64_t size = own.size();
  group.broadcast(&size, sizeof size, speaker, label);
  std::string text = group.rank() == speaker ? own : std::string(size, '\0');
  group.broadcast(text.data(), size, speaker, label);
  return text;
}

}  // namespace anneal
