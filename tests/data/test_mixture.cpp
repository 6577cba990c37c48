// Mixture by token share: totals, evenness in every window, repeats, cuts, faults.
#include "data/mixture.h"

#include <cmath>
#include <set>

#include "base/error.h"
#include "base/random.h"
#include "tests/catch.h"

using namespace anneal;

namespace {

MixtureSource make(const std::string& name, std::int64_t tokens, std::uint64_t mean_length, bool whole = false) {
  MixtureSource source{name, {}, {}};
  Random random(name_key(name));
  while (tokens > 0) {
    const auto length = std::min<std::int64_t>(tokens, static_cast<std::int64_t>(1 + random.below(2 * mean_length)));
    source.lengths.push_back(static_cast<std::uint32_t>(length));
    source.whole.push_back(whole);
    tokens -= length;
  }
  return source;
}

std::vector<MixtureSegment> segments(const std::vector<MixtureSource>& sources,
                                     const std::map<std::string, double>& shares, std::int64_t max_tokens = 0,
                                     std::uint64_t seed = 1) {
  std::vector<MixtureSegment> list;
  for_each_segment(sources, mixture_targets(sources, shares, max_tokens), seed,
                   [&](const MixtureSegment& s) { list.push_back(s); });
  return list;
}

std::vector<double> shares_of(const std::vector<MixtureSegment>& list, std::size_t num_sources) {
  std::vector<double> tokens(num_sources);
  double total = 0;
  for (const auto& s : list) tokens[s.source] += static_cast<double>(s.length), total += static_cast<double>(s.length);
  for (auto& t : tokens) t /= total;
  return tokens;
}

std::string usage_error(const std::vector<MixtureSource>& sources, const std::map<std::string, double>& shares) {
  try {
    mixture_targets(sources, shares, 0);
  } catch (const Error& error) {
    return error.full_message();
  }
  return "no error";
}

}  // namespace

TEST_CASE("shares hold to 0.05 percentage points, also for tiny corpora") {
  for (const std::int64_t anchor_tokens : {30'000, 300'000, 3'000'000}) {
    for (const std::int64_t general_tokens : {500, 5'000, 500'000}) {
      const std::vector<MixtureSource> sources = {make("general", general_tokens, 700),
                                                  make("materials", anchor_tokens, 6000)};
      const auto list = segments(sources, {{"general", 0.03}, {"materials", 0.97}});
      const auto shares = shares_of(list, 2);
      INFO(anchor_tokens << " " << general_tokens << " " << shares[0]);
      CHECK(std::abs(shares[0] - 0.03) < 0.0005);
    }
  }
}

TEST_CASE("the anchor is written whole and once; every segment lies in its document") {
  const std::vector<MixtureSource> sources = {make("general", 5000, 700), make("materials", 300'000, 6000)};
  const auto list = segments(sources, {{"general", 0.03}, {"materials", 0.97}});
  std::vector<std::int64_t> written(sources[1].lengths.size());
  for (const auto& s : list) {
    REQUIRE(s.start + s.length <= sources[s.source].lengths[s.document]);
    if (s.source != 1) continue;
    // the pieces of a document come in order and join without a gap
    CHECK(s.start == written[s.document]);
    written[s.document] += s.length;
  }
  for (std::size_t d = 0; d < written.size(); ++d) CHECK(written[d] == sources[1].lengths[d]);
}

TEST_CASE("sources are interleaved evenly, not in blocks") {
  const std::vector<MixtureSource> sources = {make("cif", 20'000, 150), make("general", 50'000, 4000),
                                              make("materials", 600'000, 12'000)};
  const std::map<std::string, double> wanted = {{"cif", 0.025}, {"general", 0.03}, {"materials", 0.945}};
  const auto list = segments(sources, wanted);
  std::int64_t total = 0;
  for (const auto& s : list) total += s.length;
  // each of 16 equal windows has each share within a third of itself
  std::vector<std::vector<double>> windows(16, std::vector<double>(3));
  std::int64_t at = 0;
  for (const auto& s : list) {
    for (std::int64_t i = 0; i < s.length; ++i, ++at) windows[static_cast<std::size_t>(at * 16 / total)][s.source] += 1;
  }
  for (const auto& window : windows) {
    const double sum = window[0] + window[1] + window[2];
    CHECK(std::abs(window[0] / sum - 0.025) < 0.025 / 3);
    CHECK(std::abs(window[1] / sum - 0.03) < 0.03 / 3);
  }
}

TEST_CASE("repeats draw another order each pass, and use every document equally often") {
  const std::vector<MixtureSource> sources = {make("general", 3000, 100), make("materials", 100'000, 3000)};
  const auto targets = mixture_targets(sources, {{"general", 0.2}, {"materials", 0.8}}, 0);
  CHECK(targets[0].tokens == 25'000);
  CHECK(targets[0].passes == Approx(25.0 / 3));
  std::vector<std::int64_t> times(sources[0].lengths.size());
  std::vector<std::size_t> order;
  for (const auto& s : segments(sources, {{"general", 0.2}, {"materials", 0.8}})) {
    if (s.source == 0 && s.start == 0) ++times[s.document], order.push_back(s.document);
  }
  for (const auto t : times) CHECK((t == 8 || t == 9));
  const auto n = static_cast<std::ptrdiff_t>(times.size());
  CHECK_FALSE(std::equal(order.begin(), order.begin() + n, order.begin() + n));
}

TEST_CASE("instructions are never cut") {
  const std::vector<MixtureSource> sources = {make("chat", 40'000, 200, /*whole=*/true), make("materials", 300'000, 5000)};
  const auto list = segments(sources, {{"chat", 0.1}, {"materials", 0.9}});
  for (const auto& s : list) {
    if (s.source == 0) CHECK((s.start == 0 && s.length == sources[0].lengths[s.document]));
  }
  CHECK(std::abs(shares_of(list, 2)[0] - 0.1) < 0.0005);
}

TEST_CASE("without shares every source is written once") {
  const std::vector<MixtureSource> sources = {make("a", 10'000, 300), make("b", 7000, 50, true), make("empty", 0, 1)};
  std::vector<std::int64_t> tokens(3);
  for (const auto& s : segments(sources, {})) tokens[s.source] += s.length;
  CHECK(tokens == std::vector<std::int64_t>{10'000, 7000, 0});
}

TEST_CASE("max_tokens cuts all sources alike") {
  const std::vector<MixtureSource> sources = {make("general", 50'000, 300), make("materials", 200'000, 3000)};
  const auto list = segments(sources, {{"general", 0.03}, {"materials", 0.97}}, 40'000);
  std::int64_t total = 0;
  for (const auto& s : list) total += s.length;
  CHECK(total == 40'000);
  CHECK(std::abs(shares_of(list, 2)[0] - 0.03) < 0.0005);
}

TEST_CASE("the order is a function of the seed") {
  const std::vector<MixtureSource> sources = {make("general", 5000, 300), make("materials", 100'000, 3000)};
  const std::map<std::string, double> shares = {{"general", 0.03}, {"materials", 0.97}};
  const auto documents = [](const std::vector<MixtureSegment>& list) {
    std::vector<std::size_t> order;
    for (const auto& s : list) order.push_back(s.source * 100000 + s.document);
    return order;
  };
  CHECK(documents(segments(sources, shares)) == documents(segments(sources, shares)));
  CHECK(documents(segments(sources, shares)) != documents(segments(sources, shares, 0, 2)));
}

TEST_CASE("shares that make no sense are refused") {
  const std::vector<MixtureSource> sources = {make("general", 5000, 300), make("materials", 10'000, 300)};
  CHECK(usage_error(sources, {{"general", 0.03}, {"materials", 0.9}}).find("sum to 0.93") != std::string::npos);
  CHECK(usage_error(sources, {{"general", 0.03}, {"materials", 0.9700001}}).find("sum to 1") == std::string::npos);
  CHECK(usage_error(sources, {{"general", 1.0}}).find("no share to source 'materials'") != std::string::npos);
  CHECK(usage_error(sources, {{"generol", 0.03}, {"materials", 0.97}}).find("did you mean 'general'?") != std::string::npos);
  CHECK(usage_error(sources, {{"general", NAN}, {"materials", 0.97}}).find("between 0 and 1") != std::string::npos);
  const std::vector<MixtureSource> hollow = {make("general", 0, 300), make("materials", 10'000, 300)};
  CHECK(usage_error(hollow, {{"general", 0.03}, {"materials", 0.97}}).find("no training tokens") != std::string::npos);
}
