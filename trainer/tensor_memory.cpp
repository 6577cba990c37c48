#include "trainer/tensor_memory.h"

#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <new>
#include <unordered_map>

namespace anneal {

namespace {

constexpr std::size_t kLarge = 1 << 20;
constexpr std::size_t kHugePage = 2 << 20;
constexpr std::size_t kGranule = 64 << 10;

class KeepingAllocator final : public c10::Allocator {
 public:
  explicit KeepingAllocator(c10::Allocator* small) : small_(small) {}

  c10::DataPtr allocate(std::size_t bytes) override {
    if (bytes < kLarge) return small_->allocate(bytes);
    void* block = take((bytes + kGranule - 1) / kGranule * kGranule);
    return {block, block, &release, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }

  TensorMemory state() {
    const std::lock_guard lock(mutex_);
    return {live_, kept_, peak_live_};
  }

 private:
  void* take(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    // A block at most an eighth too large will do.
    auto found = free_.lower_bound(bytes);
    if (found != free_.end() && found->first <= bytes + bytes / 8) {
      void* block = found->second;
      bytes = found->first;
      kept_ -= bytes;
      free_.erase(found);
      return enter(block, bytes);
    }
    // The largest first: fewest calls of the system.
    while (kept_ > 0 && live_ + kept_ + bytes > std::max(peak_live_, live_ + bytes)) {
      const auto largest = std::prev(free_.end());
      ::munmap(largest->second, largest->first);
      kept_ -= largest->first;
      free_.erase(largest);
    }
    void* block =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) throw std::bad_alloc();
    // A page fault for each 4 KiB, and a full table of addresses, cost 5 % of a small model's step.
    if (bytes >= kHugePage) ::madvise(block, bytes, MADV_HUGEPAGE);
    return enter(block, bytes);
  }

  void* enter(void* block, std::size_t bytes) {
    sizes_[block] = bytes;
    live_ += bytes;
    peak_live_ = std::max(peak_live_, live_);
    return block;
  }

  bool give_back(void* block) {
    const std::lock_guard lock(mutex_);
    const auto found = sizes_.find(block);
    if (found == sizes_.end()) return false;
    live_ -= found->second;
    kept_ += found->second;
    free_.emplace(found->second, block);
    sizes_.erase(found);
    return true;
  }

  static void release(void* block);

  c10::Allocator* small_;
  std::mutex mutex_;
  std::multimap<std::size_t, void*> free_;
  std::unordered_map<void*, std::size_t> sizes_;
  std::size_t live_ = 0, kept_ = 0, peak_live_ = 0;
};

/// torch keeps one allocator a process; it outlives every tensor.
KeepingAllocator& allocator() {
  static auto* only = new KeepingAllocator(c10::GetDefaultCPUAllocator());
  return *only;
}

void KeepingAllocator::release(void* block) {
  if (block && !allocator().give_back(block)) allocator().small_->raw_deleter()(block);
}

}  // namespace

void keep_tensor_memory() { c10::SetCPUAllocator(&allocator(), /*priority=*/100); }

TensorMemory tensor_memory() { return allocator().state(); }

}  // namespace anneal
