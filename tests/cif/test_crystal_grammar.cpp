// The automaton over crystal strings: everything it accepts parses.
#include <deque>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "base/random.h"
#include "cif/crystal_grammar.h"
#include "cif/crystal_string.h"
#include "tests/catch.h"

using namespace anneal;

namespace {

/// A byte drawn evenly from those allowed, or nothing to end.
std::optional<char> draw(const std::bitset<256>& allowed, bool may_end, Random& random) {
  const std::size_t count = allowed.count();
  if (count == 0 || (may_end && random.below(6) == 0)) return std::nullopt;
  std::size_t skip = random.below(count);
  for (int byte = 0; byte < 256; ++byte) {
    if (allowed[byte] && skip-- == 0) return static_cast<char>(byte);
  }
  return std::nullopt;
}

/// next_bytes by state: a walk asks for the same ones again and again.
class Masks {
 public:
  explicit Masks(const CrystalGrammar& grammar) : grammar_(grammar) {}
  const std::bitset<256>& of(GrammarState state) {
    auto [at, fresh] = masks_.try_emplace(state);
    if (fresh) at->second = grammar_.next_bytes(state);
    return at->second;
  }

 private:
  const CrystalGrammar& grammar_;
  std::unordered_map<GrammarState, std::bitset<256>> masks_;
};

/// Breadth-first over representative bytes; the digits of coordinates are all alike, and so are
/// the symbols of one letter and those of two.
std::optional<int> shortest_by_search(const CrystalGrammar& grammar, GrammarState from) {
  std::deque<std::pair<GrammarState, int>> queue{{from, 0}};
  std::unordered_set<GrammarState> seen{from};
  while (!queue.empty()) {
    const auto [state, bytes] = queue.front();
    queue.pop_front();
    if (grammar.may_end(state)) return bytes;
    for (const char c : std::string_view("\n .0123456789HLSeaiu")) {
      const auto next = grammar.advance(state, {&c, 1});
      if (next && seen.insert(*next).second) queue.emplace_back(*next, bytes + 1);
    }
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("whole crystal strings are accepted, others are not") {
  const CrystalGrammar grammar;
  const auto accepts = [&](std::string_view text) {
    const auto state = grammar.advance(grammar.start(), text);
    return state && grammar.may_end(*state);
  };
  const std::string head = "3.0 12.5 99.9\n90 90 120\n";
  CHECK(accepts(head + "Fe\n0.10 0.99 0.00"));
  CHECK(accepts(head + "H\n0.10 0.99 1.00\nLr\n0.00 0.00 0.00"));
  CHECK_FALSE(accepts(head + "Fe\n0.10 0.99 0.00\n"));
  CHECK_FALSE(accepts(head));
  for (const std::string wrong :
       {"0.5", "03", "100.", "3.05", "-3", " 3", "3 ", "3.0  ", "3.0 3.0 3.0\n90 90 90\nRf",
        "3.0 3.0 3.0\n180", "3.0 3.0 3.0\n090", "3.0 3.0 3.0\n120 120 120\n",
        "3.0 3.0 3.0\n30 40 70\n", "3.0 3.0 3.0\n90 90 90\nD", "3.0 3.0 3.0\n90 90 90\nXx",
        "3.0 3.0 3.0\n90 90 90\nFe\n1.01", "3.0 3.0 3.0\n90 90 90\nFe\n.5",
        "3.0 3.0 3.0\n90 90 90\nFe\n0.5 "}) {
    INFO(wrong);
    // "D" begins Dy and Db
    if (wrong.ends_with("D")) {
      CHECK_FALSE(grammar.advance(grammar.start(), wrong + "\n"));
    } else {
      CHECK_FALSE(grammar.advance(grammar.start(), wrong));
    }
  }
  CHECK_FALSE(CrystalGrammar({.allow_one = false}).advance({}, "3.0 3.0 3.0\n90 90 90\nFe\n1"));
  CHECK_THROWS_AS(CrystalGrammar({.min_sites = 0}), UsageError);
  CHECK_THROWS_AS(CrystalGrammar({.max_sites = 70000}), UsageError);
  CHECK_THROWS_AS(CrystalGrammar({.max_length_a = 100}), UsageError);
}

TEST_CASE("no byte is accepted that a crystal string cannot hold") {
  const CrystalGrammar grammar;
  for (const char* text :
       {"", "3", "3.0 3.0 3.0\n9", "3.0 3.0 3.0\n90 90 90\nY", "3.0 3.0 3.0\n90 90 90\nFe\n0.0"}) {
    const auto state = *grammar.advance({}, text);
    for (int byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      const auto next = grammar.advance(state, {&c, 1});
      CHECK(next.has_value() == grammar.next_bytes(state)[byte]);
      const bool possible = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                            (c >= 'a' && c <= 'z') || c == '.' || c == ' ' || c == '\n';
      CHECK((possible || !next));
    }
  }
}

TEST_CASE("every triple of whole angles is accepted exactly if it makes a cell") {
  const CrystalGrammar grammar;
  std::int64_t wrong = 0;
  for (int a = 1; a < 180; ++a) {
    for (int b = 1; b < 180; ++b) {
      const auto state = grammar.advance({}, fmt::format("3.0 3.0 3.0\n{} {} ", a, b));
      REQUIRE(state);
      for (int c = 1; c < 180; c += 1 + (a + b) % 7) {
        const bool accepted = grammar.advance(*state, fmt::format("{}\n", c)).has_value();
        wrong += accepted != UnitCell{3, 3, 3, double(a), double(b), double(c)}.possible();
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("a hundred thousand random walks all parse, in chunks of any size") {
  const CrystalGrammar grammar({.max_sites = 6});
  Masks masks(grammar);
  Random random(name_key("grammar"));
  std::size_t longest = 0, failures = 0, differing = 0, bounds = 0;
  for (int walk = 0; walk < 100'000; ++walk) {
    GrammarState state = grammar.start();
    std::string text;
    // some walks are cut and finished the shortest way
    const std::size_t cut = walk % 4 == 0 ? random.below(80) : 100'000;
    while (text.size() < cut) {
      const auto byte = draw(masks.of(state), grammar.may_end(state), random);
      if (!byte) break;
      state = *grammar.advance(state, {&*byte, 1});
      text += *byte;
    }
    if (!grammar.may_end(state)) {
      const std::string end = grammar.shortest_end(state);
      bounds += static_cast<int>(end.size()) != grammar.may_finish_within(state);
      text += end;
    }
    longest = std::max(longest, text.size());
    // the same text in pieces, as tokens would bring it
    GrammarState pieces = grammar.start();
    bool accepted = true;
    for (std::size_t at = 0; at < text.size() && accepted;) {
      const std::size_t size = 1 + random.below(9);
      const auto next = grammar.advance(pieces, std::string_view(text).substr(at, size));
      accepted = next.has_value();
      if (next) pieces = *next;
      at += size;
    }
    differing += !accepted || !grammar.may_end(pieces);
    const auto parsed = parse_crystal_string(text);
    if (!parsed.crystal || parsed.crystal->sites.size() > 6) {
      if (failures++ == 0) UNSCOPED_INFO(text << " | " << parsed.detail);
    }
  }
  CHECK(failures == 0);
  CHECK(differing == 0);
  CHECK(bounds == 0);
  CHECK(static_cast<int>(longest) <= grammar.longest());
}

TEST_CASE("the shortest end is the shortest") {
  // boron is the first symbol of one letter in the alphabet
  CHECK(CrystalGrammar().shortest_end({}) == "1.0 1.0 1.0\n1 1 1\nB\n0.00 0.00 0.00");
  const CrystalGrammar grammar({.min_sites = 2, .max_sites = 2});
  Random random(name_key("shortest"));
  for (const std::string text :
       {"3.0 3.0 3.0\n90 90 90\n", "3.0 3.0 3.0\n90 90 90\nL", "3.0 3.0 3.0\n90 90 90\nS",
        "3.0 3.0 3.0\n90 90 90\nFe\n0", "3.0 3.0 3.0\n100 ", "3.0 3.0 3.0\n109 10",
        "3.0 3.0 3.0\n179 1", "3.0 3.0 3.0\n17", "3.0 3.0 3.0\n5", "3.0 3.0 3.0\n120 130 1",
        "3.0 3.0 3.0\n60 60 60\nFe\n0.00 0.00 0.00"}) {
    INFO(text);
    const auto state = grammar.advance({}, text);
    REQUIRE(state);
    CHECK(grammar.may_finish_within(*state) == shortest_by_search(grammar, *state));
    const auto end = grammar.advance(*state, grammar.shortest_end(*state));
    REQUIRE(end);
    CHECK(grammar.may_end(*end));
  }
}

TEST_CASE("the number of sites is held") {
  const CrystalGrammar grammar({.min_sites = 2, .max_sites = 3});
  const std::string head = "3.0 3.0 3.0\n90 90 90", site = "\nFe\n0.00 0.00 0.00";
  CHECK_FALSE(grammar.may_end(*grammar.advance({}, head + site)));
  CHECK(grammar.may_end(*grammar.advance({}, head + site + site)));
  const auto full = *grammar.advance({}, head + site + site + site);
  CHECK(grammar.may_end(full));
  CHECK(grammar.next_bytes(full).none());
  CHECK_FALSE(grammar.advance(full, "\n"));
}
