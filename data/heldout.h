// Which documents of a source are kept for validation.
#pragma once

#include <cstdint>
#include <vector>

#include "data/mixture.h"  // for MixtureSegment
#include "data/token_spool.h"

namespace anneal {

struct HeldoutSplit {
  std::vector<std::size_t> train;      ///< documents, in their order
  std::vector<std::int64_t> train_length;  ///< tokens of each that are for training (the first ones)
  std::vector<MixtureSegment> heldout;  ///< in the order of the documents; `source` is unused
};

/// A document is held out if its hash lies in the lowest `fraction`, as long as `max_tokens` are not
/// reached (lowest hash first); the last one is cut there, unless it must stay whole. Equal texts are
/// on one side. If fraction and max_tokens are above 0, at least one of two or more documents is held
/// out, and at least one is not; of a single one (if it may be cut) the tail is.
HeldoutSplit split_heldout(const TokenSpool& spool, double fraction, std::int64_t max_tokens);

}  // namespace anneal
