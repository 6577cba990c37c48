#include "base/rank_status.h"

#include <fmt/core.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace anneal {

void RankStatus::begin(const std::string& label) {
  const std::size_t size = std::min(label.size(), sizeof operation - 1);
  std::memcpy(operation, label.data(), size);
  operation[size] = '\0';
  waiting.store(true, std::memory_order_relaxed);
}

RankStatus* make_shared_rank_status() {
  void* page = ::mmap(nullptr, sizeof(RankStatus), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? nullptr : new (page) RankStatus;
}

std::string describe(const RankStatus& status) {
  const std::int64_t step = status.step.load(std::memory_order_relaxed);
  std::string text = step > 0 ? fmt::format("at step {}", step) : "";
  const std::string operation(status.operation,
                              ::strnlen(status.operation, sizeof status.operation - 1));
  if (operation.empty()) return text;
  if (!text.empty()) text += ", ";
  return text + fmt::format("{} {}",
                            status.waiting.load(std::memory_order_relaxed) ? "in" : "after",
                            operation);
}

}  // namespace anneal
