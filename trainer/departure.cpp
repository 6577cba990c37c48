#include "trainer/departure.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace anneal {

Departure::Departure(const Recipe& recipe, const Group& group, const TrainCall& call)
    : call_(call),
      keeps_time_(group.is_root() && !recipe.train.walltime.empty()),
      walltime_(recipe.train.walltime),
      walltime_s_(parse_duration_s(recipe.train.walltime).value_or(0)) {}

void Departure::took(double step_s) { longest_step_s_ = std::max(longest_step_s_, step_s); }

void Departure::validated(double seconds) {
  longest_validation_s_ = std::max(longest_validation_s_, seconds);
}

std::array<double, Departure::kVotes> Departure::votes(double save_s) const {
  constexpr double kLeast = 3;  // seconds for the end of the program and of mpirun
  std::array<double, kVotes> votes{call_.asked_to_leave().empty() ? 0.0 : 1.0, 0.0};
  if (keeps_time_) {
    const double gone_s =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - call_.started).count();
    votes[1] = gone_s + 2 * (longest_step_s_ + longest_validation_s_ + save_s) + kLeast >= walltime_s_ ? 1.0 : 0.0;
  }
  return votes;
}

std::string Departure::reason(std::span<const double> sums) const {
  if (sums[0] > 0) {
    const std::string own = call_.asked_to_leave();
    return own.empty() ? "a signal to another rank" : own;
  }
  return sums[1] > 0 ? fmt::format("the walltime of {} is near", walltime_) : "";
}

void Departure::leave(const std::string& reason, std::int64_t step, std::int64_t steps) const {
  throw Stopped(fmt::format("{}: saved at step {} of {} and left", reason, step, steps),
                "the same command goes on from there");
}

}  // namespace anneal
