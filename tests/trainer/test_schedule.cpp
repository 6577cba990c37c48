// Learning rates against the log of LLaMat's own run (llamat.md, section 1: santi-20B-logs.txt).
#include "tests/catch.h"
#include "trainer/schedule.h"

using namespace anneal;

TEST_CASE("the schedule of LLaMA-2's continued pretraining") {
  OptimizerOptions options;
  options.lr = 3e-4;
  options.min_lr_ratio = 0.1;
  options.warmup_steps = 2000;
  const Schedule schedule(options, 14369);
  CHECK(schedule.rate(1) == Approx(1.5e-7).epsilon(1e-9));
  CHECK(schedule.rate(2000) == Approx(3e-4));
  CHECK(schedule.rate(10108) == Approx(1.016e-4).epsilon(5e-4));  // as printed, three decimals
  CHECK(schedule.rate(14369) == Approx(3e-5));
}

TEST_CASE("other schedules") {
  OptimizerOptions options;
  options.lr = 1;
  options.min_lr_ratio = 0;
  options.warmup_fraction = 0.1;
  options.schedule = "linear";
  CHECK(Schedule(options, 100).rate(55) == Approx(0.5));
  options.schedule = "constant";
  CHECK(Schedule(options, 100).rate(99) == 1);
  options.warmup_fraction = 0;
  CHECK(Schedule(options, 100).rate(1) == 1);
}
