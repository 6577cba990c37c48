#include "trainer/checkpoint_retention.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace anneal {

KeepPolicy keep_policy(const TrainOptions& train) {
  return {.newest = train.keep_checkpoints, .every = train.keep_every, .best = train.keep_best};
}

std::vector<std::int64_t> checkpoints_to_remove(std::vector<KnownCheckpoint> known,
                                                const KeepPolicy& keep) {
  std::sort(known.begin(), known.end(),
            [](const auto& a, const auto& b) { return a.step < b.step; });
  std::set<std::int64_t> kept;
  const auto count = static_cast<std::int64_t>(known.size());
  for (std::int64_t i = std::max<std::int64_t>(0, count - keep.newest); i < count; ++i) {
    kept.insert(known[static_cast<std::size_t>(i)].step);
  }
  const auto sound = std::find_if(known.rbegin(), known.rend(),
                                  [](const auto& checkpoint) { return !checkpoint.suspect; });
  if (sound != known.rend()) kept.insert(sound->step);
  std::vector<KnownCheckpoint> measured;
  for (const auto& checkpoint : known) {
    if (keep.every > 0 && checkpoint.step % keep.every == 0) kept.insert(checkpoint.step);
    if (checkpoint.heldout && std::isfinite(*checkpoint.heldout)) measured.push_back(checkpoint);
  }
  std::stable_sort(measured.begin(), measured.end(),
                   [](const auto& a, const auto& b) { return *a.heldout < *b.heldout; });
  for (std::size_t i = 0; i < measured.size() && static_cast<std::int64_t>(i) < keep.best; ++i) {
    kept.insert(measured[i].step);
  }
  std::vector<std::int64_t> removed;
  for (const auto& checkpoint : known) {
    if (!kept.count(checkpoint.step)) removed.push_back(checkpoint.step);
  }
  return removed;
}

bool copies_for_checkpoints(const TrainOptions& train) {
  return train.checkpoint_every > 0 && train.checkpoint_writing == "background";
}

}  // namespace anneal
