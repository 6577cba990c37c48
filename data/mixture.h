// Mixture by token share: which part of which document is written, and in which order, so that
// every source has its share of the tokens, over the whole and over any window.
//
// The anchor (the source with the largest share) is written whole and once; the others are repeated
// or cut to their shares. Order by error diffusion: the next tokens come from the source that is
// furthest behind its target; a document that would run too far ahead is cut there and goes on later.
// Documents whose loss covers a part only (instructions) are never cut.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace anneal {

/// What the mixture needs to know of a source: its training documents, in their order.
struct MixtureSource {
  std::string name;
  std::vector<std::uint32_t> lengths;  ///< tokens, each > 0
  std::vector<std::uint8_t> whole;     ///< 1: never cut
  std::int64_t num_tokens() const;
};

/// How much of a source is written.
struct MixtureTarget {
  double share = 0;           ///< of all tokens written
  std::int64_t tokens = 0;    ///< to write
  double passes = 0;          ///< tokens / tokens of the source
};

/// Part of a document, to be written next.
struct MixtureSegment {
  std::size_t source = 0;
  std::size_t document = 0;
  std::int64_t start = 0;
  std::int64_t length = 0;
};

/// The source with the largest share (the first of equals): the one that is written once.
std::size_t anchor_of(const std::vector<MixtureTarget>& targets);

/// Targets of all sources. `shares` empty: every source once, as it is. `max_tokens` 0: no limit.
/// Throws UsageError if shares do not sum to 1 (within 1e-6), name an unknown source or leave one
/// out; DataError for a source with a share but without tokens.
std::vector<MixtureTarget> mixture_targets(const std::vector<MixtureSource>& sources,
                                           const std::map<std::string, double>& shares,
                                           std::int64_t max_tokens);

/// Calls `write` for every segment in the order of writing. Documents of a source come in an order
/// drawn from (seed, name, pass). The tokens written of a source differ from its target only where
/// its documents may not be cut.
void for_each_segment(const std::vector<MixtureSource>& sources, const std::vector<MixtureTarget>& targets,
                      std::uint64_t seed, const std::function<void(const MixtureSegment&)>& write);

}  // namespace anneal
