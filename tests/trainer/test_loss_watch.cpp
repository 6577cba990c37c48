// Sound steps, spikes and what follows from faults; numbers worked out by hand.
#include <cmath>
#include <limits>

#include "tests/catch.h"
#include "trainer/loss_watch.h"

using namespace anneal;

namespace {
FaultOptions with_spikes(double z, std::int64_t window = 128) {
  FaultOptions options;
  options.spike_z = z;
  options.spike_window = window;
  return options;
}
}  // namespace

TEST_CASE("a loss or a gradient that is not finite is a fault whatever came before") {
  const LossWatch watch({}, {});
  CHECK(watch.judge(1.0, 1.0).fault == StepFault::kNone);
  CHECK(watch.judge(std::nan(""), 1.0).fault == StepFault::kNonFinite);
  CHECK(watch.judge(1.0, std::numeric_limits<double>::infinity()).fault == StepFault::kNonFinite);
}

TEST_CASE("a spike is told by its z-score, once enough losses are known") {
  LossWatch watch(with_spikes(4), {});
  for (int i = 0; i < 15; ++i) watch.accept(i % 2 ? 2.5 : 1.5);
  CHECK(watch.judge(100, 1).fault == StepFault::kNone);  // 15 losses are too few
  watch.accept(2.5);
  // eight of 1.5 and eight of 2.5: mean 2, deviation sqrt(16 * 0.25 / 15)
  const double deviation = std::sqrt(4.0 / 15);
  const auto spike = watch.judge(2 + 4.01 * deviation, 1);
  CHECK(spike.fault == StepFault::kSpike);
  CHECK(spike.z == Approx(4.01).epsilon(1e-12));
  CHECK(watch.judge(2 + 3.99 * deviation, 1).fault == StepFault::kNone);
  CHECK(watch.judge(0.001, 1).fault == StepFault::kNone);  // falling is welcome
}

TEST_CASE("a loss that hardly moves has no spikes, and the window forgets") {
  LossWatch flat(with_spikes(4), std::vector<double>(20, 2.0));
  CHECK(flat.judge(2.07, 1).fault == StepFault::kNone);  // deviation counts as 1 % of 2: z = 3.5
  CHECK(flat.judge(2.09, 1).fault == StepFault::kSpike);
  LossWatch watch(with_spikes(4, 16), std::vector<double>(16, 9.0));
  for (int i = 0; i < 16; ++i) watch.accept(2.0);
  CHECK(watch.recent() == std::vector<double>(16, 2.0));
  CHECK(watch.judge(3.0, 1).fault == StepFault::kSpike);
}

TEST_CASE("without spikes in the policy nothing is remembered") {
  LossWatch watch({}, {});
  for (int i = 0; i < 40; ++i) watch.accept(1.0);
  CHECK(watch.recent().empty());
  CHECK(watch.judge(1e9, 1).fault == StepFault::kNone);
}

TEST_CASE("faults are skipped, then the run goes back, then it ends") {
  FaultOptions options;
  options.skip_in_a_row = 2;
  options.rewinds = 1;
  CHECK(fault_action(options, 1, 0) == FaultAction::kSkip);
  CHECK(fault_action(options, 2, 0) == FaultAction::kSkip);
  CHECK(fault_action(options, 3, 0) == FaultAction::kRewind);
  CHECK(fault_action(options, 2, 1) == FaultAction::kSkip);
  CHECK(fault_action(options, 3, 1) == FaultAction::kEnd);
}
