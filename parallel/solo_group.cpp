// One rank: gathering is already done, reducing is a copy.
#include <cstdlib>

#include "parallel/group.h"

namespace anneal {

namespace {

class SoloGroup : public GroupImpl {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  Work all_gather(void*, std::size_t, NumberType, const std::string&) override { return {}; }
  Work reduce_scatter(const void* all, float* slice, std::size_t count, NumberType type,
                      const std::string&) override {
    if (all != slice) take</*kAdd=*/false>(type, all, slice, count);
    return {};
  }
  Work all_reduce(float*, std::size_t, const std::string&) override { return {}; }
  void all_reduce_sum(std::span<double>, const std::string&) override {}
  void broadcast(void*, std::size_t, int, const std::string&) override {}
  void barrier(const std::string&) override {}
  std::shared_ptr<GroupImpl> split(int, const std::string&) override {
    return std::make_shared<SoloGroup>();
  }
  [[noreturn]] void abort(int exit_code) override { std::_Exit(exit_code); }
};

}  // namespace

Group make_solo_group() { return Group(std::make_shared<SoloGroup>()); }

}  // namespace anneal
