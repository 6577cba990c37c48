#include "data/mixture.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "base/text.h"

namespace anneal {

namespace {

constexpr double kGrain = 1.0 / 128;         // a source runs ahead of the others by this part of its target
constexpr std::int64_t kMinPieceTokens = 128;  // shorter pieces of a document teach little
constexpr std::size_t kLookAhead = 256;

/// The documents of one source in their drawn order, pass after pass.
class Cursor {
 public:
  Cursor(const MixtureSource& source, std::int64_t target, std::uint64_t seed)
      : source_(source), target_(target), seed_(seed) {
    if (target_ > 0) draw();
  }
  bool done() const { return written_ >= target_ || stopped_; }
  double progress() const { return static_cast<double>(written_) / static_cast<double>(target_); }
  std::int64_t target() const { return target_; }

  /// At most `budget` tokens of the current document; sets the length 0 if nothing more fits.
  MixtureSegment take(std::int64_t budget) {
    std::size_t document = order_[next_];
    const std::int64_t remaining = target_ - written_;
    std::int64_t length = source_.lengths[document] - start_;
    if (source_.whole[document]) {
      if (length > remaining) {
        document = best_last(remaining);
        length = source_.lengths[document];
        stopped_ = true;
        if (length - remaining > remaining) return {};  // nothing written is nearer
      }
    } else {
      std::int64_t cut = std::min({length, std::max(budget, kMinPieceTokens), remaining});
      if (length - cut < kMinPieceTokens && length <= remaining) cut = length;
      length = cut;
    }
    const MixtureSegment segment{0, document, start_, length};
    written_ += length;
    start_ += length;
    if (start_ >= source_.lengths[order_[next_]]) {
      start_ = 0;
      if (++next_ == order_.size() && !done()) draw();
    }
    return segment;
  }

 private:
  void draw() {
    order_ = permutation(source_.lengths.size(), derive_key({seed_, name_key(source_.name), pass_++}));
    next_ = 0;
  }
  /// Of the next documents the one whose length is nearest to what remains.
  std::size_t best_last(std::int64_t remaining) const {
    std::size_t best = order_[next_];
    const std::size_t end = std::min(order_.size(), next_ + kLookAhead);
    for (std::size_t i = next_; i < end; ++i) {
      const auto off = [&](std::size_t d) { return std::abs(static_cast<std::int64_t>(source_.lengths[d]) - remaining); };
      if (source_.whole[order_[i]] && off(order_[i]) < off(best)) best = order_[i];
    }
    return best;
  }

  const MixtureSource& source_;
  std::int64_t target_, written_ = 0, start_ = 0;
  std::uint64_t seed_, pass_ = 0;
  std::vector<std::uint64_t> order_;
  std::size_t next_ = 0;
  bool stopped_ = false;
};

void check_shares(const std::vector<MixtureSource>& sources, const std::map<std::string, double>& shares) {
  std::vector<std::string> names;
  for (const auto& source : sources) names.push_back(source.name);
  double sum = 0;
  for (const auto& [name, share] : shares) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      const auto nearest = nearest_name(name, names);
      throw UsageError(fmt::format("data.mixture names '{}', which is no source", name),
                       nearest.empty() ? "" : fmt::format("did you mean '{}'?", nearest));
    }
    if (!(share >= 0 && share <= 1)) {
      throw UsageError(fmt::format("data.mixture.{} is {}; a share lies between 0 and 1", name, share));
    }
    sum += share;
  }
  for (const auto& name : names) {
    if (!shares.contains(name)) {
      throw UsageError(fmt::format("data.mixture gives no share to source '{}'", name),
                       fmt::format("add data.mixture.{}, or remove the source", name));
    }
  }
  if (std::abs(sum - 1) > 1e-6) {
    throw UsageError(fmt::format("the shares of data.mixture sum to {}, not to 1", sum),
                     "shares are fractions of the tokens written, for example 0.97 and 0.03");
  }
}

}  // namespace

std::int64_t MixtureSource::num_tokens() const {
  return std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
}

std::size_t anchor_of(const std::vector<MixtureTarget>& targets) {
  const auto smaller = [](const MixtureTarget& a, const MixtureTarget& b) { return a.share < b.share; };
  return static_cast<std::size_t>(std::max_element(targets.begin(), targets.end(), smaller) - targets.begin());
}

std::vector<MixtureTarget> mixture_targets(const std::vector<MixtureSource>& sources,
                                           const std::map<std::string, double>& shares, std::int64_t max_tokens) {
  std::vector<MixtureTarget> targets(sources.size());
  double total = 0;
  if (shares.empty()) {
    for (const auto& source : sources) total += static_cast<double>(source.num_tokens());
    for (std::size_t i = 0; i < sources.size(); ++i) {
      targets[i].share = total > 0 ? static_cast<double>(sources[i].num_tokens()) / total : 0;
    }
  } else {
    check_shares(sources, shares);
    for (std::size_t i = 0; i < sources.size(); ++i) targets[i].share = shares.at(sources[i].name);
    const std::size_t anchor = anchor_of(targets);
    total = static_cast<double>(sources[anchor].num_tokens()) / targets[anchor].share;
  }
  if (max_tokens > 0) total = std::min(total, static_cast<double>(max_tokens));
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::int64_t available = sources[i].num_tokens();
    targets[i].tokens = std::llround(total * targets[i].share);
    if (targets[i].tokens > 0 && available == 0) {
      throw DataError(fmt::format("source '{}' has a share of {} but no training tokens", sources[i].name,
                                  targets[i].share),
                      "give it more documents, or lower its `heldout`");
    }
    targets[i].passes = available ? static_cast<double>(targets[i].tokens) / static_cast<double>(available) : 0;
  }
  return targets;
}

void for_each_segment(const std::vector<MixtureSource>& sources, const std::vector<MixtureTarget>& targets,
                      std::uint64_t seed, const std::function<void(const MixtureSegment&)>& write) {
  std::vector<Cursor> cursors;
  for (std::size_t i = 0; i < sources.size(); ++i) cursors.emplace_back(sources[i], targets[i].tokens, seed);
  for (;;) {
    // the source furthest behind (of equals the larger one), and how far the next one is
    const std::size_t none = cursors.size();
    std::size_t chosen = none;
    double second = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < cursors.size(); ++i) {
      if (cursors[i].done()) continue;
      const double progress = cursors[i].progress();
      if (chosen == none || progress < cursors[chosen].progress() ||
          (progress == cursors[chosen].progress() && cursors[i].target() > cursors[chosen].target())) {
        if (chosen != none) second = std::min(second, cursors[chosen].progress());
        chosen = i;
      } else {
        second = std::min(second, progress);
      }
    }
    if (chosen == none) return;
    Cursor& cursor = cursors[chosen];
    std::int64_t budget = std::numeric_limits<std::int64_t>::max();
    if (std::isfinite(second)) {
      budget = static_cast<std::int64_t>(
          std::ceil((second + kGrain - cursor.progress()) * static_cast<double>(cursor.target())));
    }
    MixtureSegment segment = cursor.take(budget);
    segment.source = chosen;
    if (segment.length > 0) write(segment);
  }
}

}  // namespace anneal
