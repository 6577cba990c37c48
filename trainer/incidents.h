// The history of a run's steps at fault: incidents.jsonl says what happened and which documents
// were in the batch; rewinds.json says which samples the run leaves out since it went back (it is
// part of the run's state: a resumed run leaves out the same ones).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/log.h"
#include "data/token_stream.h"
#include "parallel/group.h"
#include "trainer/loss_watch.h"
#include "trainer/run_folder.h"
#include "trainer/training_step.h"

namespace anneal {

/// One return to an earlier checkpoint; samples [begin, end) are never taken again.
struct Rewind {
  std::int64_t from_step = 0;
  std::int64_t begin = 0, end = 0;
  bool operator==(const Rewind&) const = default;
};

class Incidents {
 public:
  /// Reads rewinds.json (rank 0, for all). Throws DataError if it is damaged.
  Incidents(const RunFolder& folder, const Group& group, const Log& log);

  const std::vector<Rewind>& rewinds() const { return rewinds_; }
  /// The first sample at or after `sample` that is not left out.
  std::int64_t next_sample(std::int64_t sample) const;
  /// Adds a line to incidents.jsonl and warns: step `step` over samples [first, first + count) was
  /// at fault.
  void record(std::int64_t step, const StepResult& result, const StepJudgement& judgement,
              FaultAction action, std::int64_t first, std::int64_t count,
              const TokenStream& stream) const;
  /// Keeps a return for good. All ranks call it; rank 0 writes. Throws DataError.
  void add(const Rewind& rewind);

 private:
  RunFolder folder_;
  Group group_;
  Log log_;
  std::vector<Rewind> rewinds_;
};

}  // namespace anneal
