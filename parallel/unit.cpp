#include "parallel/unit.h"

#include <algorithm>
#include <utility>

namespace anneal {

namespace {
constexpr std::int64_t kAlignment = 16;  // elements: 64 bytes of fp32
std::int64_t round_up(std::int64_t n, std::int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}
}  // namespace

std::int64_t ParameterSlot::numel() const {
  std::int64_t n = 1;
  for (const auto extent : shape) n *= extent;
  return n;
}

void UnitLayout::add(std::string name, std::vector<std::int64_t> shape, bool fused_with_previous) {
  ParameterSlot slot{.name = std::move(name), .shape = std::move(shape)};
  slot.offset = fused_with_previous ? end_ : round_up(end_, kAlignment);
  end_ = slot.offset + slot.numel();
  slots_.push_back(std::move(slot));
}

std::int64_t UnitLayout::num_parameters() const {
  std::int64_t n = 0;
  for (const auto& slot : slots_) n += slot.numel();
  return n;
}

std::int64_t UnitLayout::num_trained_parameters() const {
  std::int64_t n = 0;
  for (const auto& slot : slots_) n += slot.frozen ? 0 : slot.numel();
  return n;
}

void UnitLayout::freeze(const std::vector<std::string>& parts) {
  for (auto& slot : slots_) {
    for (const auto& part : parts) {
      if (slot.name.find(part) != std::string::npos) slot.frozen = true;
    }
  }
}

void UnitLayout::freeze() {
  for (auto& slot : slots_) slot.frozen = true;
}

std::int64_t UnitLayout::slice_numel(int world_size) const {
  return round_up((end_ + world_size - 1) / world_size, kAlignment);
}

std::vector<SliceRange> UnitLayout::slice_ranges(int rank, int world_size) const {
  const std::int64_t begin = slice_numel(world_size) * rank;
  const std::int64_t end = begin + slice_numel(world_size);
  std::vector<SliceRange> ranges;
  for (const auto& slot : slots_) {
    const std::int64_t from = std::max(slot.offset, begin);
    const std::int64_t to = std::min(slot.offset + slot.numel(), end);
    if (from < to && !slot.frozen) ranges.push_back({from - begin, to - begin, slot.decays()});
  }
  return ranges;
}

}  // namespace anneal
