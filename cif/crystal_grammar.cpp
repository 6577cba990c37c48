#include "cif/crystal_grammar.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "base/error.h"
#include "cif/elements.h"

namespace anneal {
namespace {

using Field = GrammarState::Field;
constexpr std::uint8_t kItemDone = 255;

bool is_digit(unsigned char c) { return c >= '0' && c <= '9'; }

/// Whether some number of at most `digits` digits that begins with `prefix` (itself included) lies
/// in [low, high]; nothing begins with 0.
bool reaches(int prefix, int low, int high, int max_value) {
  if (prefix == 0) return false;
  for (int from = prefix, to = prefix; from <= max_value; from *= 10, to = to * 10 + 9) {
    if (from <= high && to >= low) return true;
  }
  return false;
}

/// Whole degrees allowed for the angle that `state` stands in.
std::pair<int, int> angle_range(const GrammarState& s) {
  if (s.item < 2) return {1, 179};
  // 1 - cos^2 .. > 0 <=> |A1 - A2| < A3 < min(A1 + A2, 360 - A1 - A2); never empty for 1..179
  return {std::abs(s.angle1 - s.angle2) + 1,
          std::min({s.angle1 + s.angle2, 360 - s.angle1 - s.angle2, 180}) - 1};
}

int digits_of(int value) { return value < 10 ? 1 : value < 100 ? 2 : 3; }

/// The angle that continues the digits of `s` and makes the line shortest. The second one also
/// decides how many digits the third needs.
int shortest_angle(const GrammarState& s) {
  const auto [low, high] = angle_range(s);
  int best = 0, best_cost = 1000;
  for (int angle = low; angle <= high; ++angle) {
    int prefix = angle;
    for (int drop = digits_of(angle) - s.position; drop > 0; --drop) prefix /= 10;
    if (s.position > digits_of(angle) || (s.position > 0 && prefix != s.value)) continue;
    int cost = digits_of(angle);
    if (s.item == 1) cost += digits_of(std::abs(s.angle1 - angle) + 1);
    if (cost < best_cost) {
      best = angle;
      best_cost = cost;
    }
  }
  return best;
}

}  // namespace

std::uint64_t GrammarState::key() const {
  // 2 + 2 + 8 + 8 + 8 + 11 + 16 bits; `value` stays below 1000
  return (((((static_cast<std::uint64_t>(field) * 4 + item) * 256 + position) * 256 + angle1) *
               256 +
           angle2) *
              2048 +
          value) *
             65536 +
         sites;
}

CrystalGrammar::CrystalGrammar(const CrystalGrammarOptions& options)
    : options_(options),
      min_tenths_(static_cast<int>(std::lround(options.min_length_a * 10))),
      max_tenths_(static_cast<int>(std::lround(options.max_length_a * 10))) {
  if (options.min_sites < 1 || options.max_sites < options.min_sites || options.max_sites > 65535) {
    throw UsageError(
        fmt::format("crystal grammar: min_sites {} and max_sites {} must satisfy "
                    "1 <= min_sites <= max_sites <= 65535",
                    options.min_sites, options.max_sites));
  }
  // lengths below 1 would need a leading zero, which no training text has
  min_tenths_ = std::max(min_tenths_, 10);
  if (max_tenths_ < min_tenths_ || max_tenths_ > 999) {
    throw UsageError(
        fmt::format("crystal grammar: lengths from {} to {} Angstrom: the range must "
                    "lie within 1.0 to 99.9",
                    options.min_length_a, options.max_length_a));
  }
  if (options.max_atomic_number < 1 || options.max_atomic_number > kMaxAtomicNumber) {
    throw UsageError(fmt::format("crystal grammar: max_atomic_number {} is not within 1..{}",
                                 options.max_atomic_number, kMaxAtomicNumber));
  }
}

std::optional<GrammarState> CrystalGrammar::advance(GrammarState state,
                                                    std::string_view bytes) const {
  std::optional<GrammarState> current = state;
  for (const char byte : bytes) {
    current = step(*current, static_cast<unsigned char>(byte));
    if (!current) break;
  }
  return current;
}

bool CrystalGrammar::may_end(GrammarState s) const {
  return s.field == Field::kCoordinate && s.item == 2 && s.position == kItemDone &&
         s.sites + 1 >= options_.min_sites;
}

std::bitset<256> CrystalGrammar::next_bytes(GrammarState state) const {
  std::bitset<256> allowed;
  for (int byte = 0; byte < 128; ++byte) {
    allowed[byte] = step(state, static_cast<unsigned char>(byte)).has_value();
  }
  return allowed;
}

std::optional<GrammarState> CrystalGrammar::step(GrammarState s, unsigned char byte) const {
  switch (s.field) {
    case Field::kLength:
      return step_length(s, byte);
    case Field::kAngle:
      return step_angle(s, byte);
    case Field::kElement:
      return step_element(s, byte);
    case Field::kCoordinate:
      return step_coordinate(s, byte);
  }
  return std::nullopt;
}

// position: 0 nothing, 1 one digit, 2 two digits, 3 behind the point, kItemDone complete
std::optional<GrammarState> CrystalGrammar::step_length(GrammarState s, unsigned char byte) const {
  if (s.position == kItemDone) {
    if (byte != (s.item < 2 ? ' ' : '\n')) return std::nullopt;
    if (s.item == 2) return GrammarState{.field = Field::kAngle};
    return GrammarState{.field = Field::kLength, .item = static_cast<std::uint8_t>(s.item + 1)};
  }
  if (s.position == 3) {
    const int tenths = s.value * 10 + (byte - '0');
    if (!is_digit(byte) || tenths < min_tenths_ || tenths > max_tenths_) return std::nullopt;
    return GrammarState{.field = Field::kLength, .item = s.item, .position = kItemDone};
  }
  if (byte == '.') {
    // some decimal must be possible
    if (s.position == 0 || s.value * 10 + 9 < min_tenths_ || s.value * 10 > max_tenths_) {
      return std::nullopt;
    }
    s.position = 3;
    return s;
  }
  if (!is_digit(byte) || s.position == 2) return std::nullopt;
  s.value = static_cast<std::uint16_t>(s.value * 10 + (byte - '0'));
  ++s.position;
  if (!reaches(s.value, min_tenths_ / 10, max_tenths_ / 10, 99)) return std::nullopt;
  return s;
}

// position: number of digits; value: the number so far
std::optional<GrammarState> CrystalGrammar::step_angle(GrammarState s, unsigned char byte) const {
  const auto [low, high] = angle_range(s);
  if (byte == (s.item < 2 ? ' ' : '\n')) {
    if (s.value < low || s.value > high) return std::nullopt;
    if (s.item == 2) return GrammarState{.field = Field::kElement};
    (s.item == 0 ? s.angle1 : s.angle2) = static_cast<std::uint8_t>(s.value);
    ++s.item;
    s.value = 0;
    s.position = 0;
    return s;
  }
  if (!is_digit(byte) || s.position == 3) return std::nullopt;
  s.value = static_cast<std::uint16_t>(s.value * 10 + (byte - '0'));
  ++s.position;
  if (!reaches(s.value, low, high, 999)) return std::nullopt;
  return s;
}

// position: letters so far; value: the first letter, until the symbol is complete
std::optional<GrammarState> CrystalGrammar::step_element(GrammarState s, unsigned char byte) const {
  const char c = static_cast<char>(byte);
  if (s.position == 0) {
    if (!begins_symbol(c)) return std::nullopt;
    s.position = 1;
    s.value = byte;
    return s;
  }
  const std::string first(1, static_cast<char>(s.value));
  if (c == '\n') {
    if (s.position == 1 && !is_symbol(first)) return std::nullopt;
    return GrammarState{.field = Field::kCoordinate, .sites = s.sites};
  }
  if (s.position == 2 || !is_symbol(first + c)) return std::nullopt;
  s.position = 2;
  s.value = 0;
  return s;
}

// position: 0 nothing, 1 the digit, 2 the point, 3 one decimal, kItemDone complete; value: that
// digit
std::optional<GrammarState> CrystalGrammar::step_coordinate(GrammarState s,
                                                            unsigned char byte) const {
  switch (s.position) {
    case 0:
      if (byte != '0' && !(byte == '1' && options_.allow_one)) return std::nullopt;
      s.value = byte - '0';
      s.position = 1;
      return s;
    case 1:
      if (byte != '.') return std::nullopt;
      s.position = 2;
      return s;
    case 2:
    case 3:
      if (!is_digit(byte) || (s.value == 1 && byte != '0')) return std::nullopt;
      if (s.position == 2) {
        s.position = 3;
      } else {
        s.value = 0;
        s.position = kItemDone;
      }
      return s;
    default:
      if (s.item < 2) {
        if (byte != ' ') return std::nullopt;
        return GrammarState{.field = Field::kCoordinate,
                            .item = static_cast<std::uint8_t>(s.item + 1),
                            .sites = s.sites};
      }
      if (byte != '\n' || s.sites + 1 >= options_.max_sites) return std::nullopt;
      return GrammarState{.field = Field::kElement,
                          .sites = static_cast<std::uint16_t>(s.sites + 1)};
  }
}

bool CrystalGrammar::is_symbol(std::string_view name) const {
  if (name == "D" || name == "T") return false;  // hydrogen has one name
  const int z = atomic_number(name);
  return z >= 1 && z <= options_.max_atomic_number;
}

bool CrystalGrammar::begins_symbol(char first) const {
  if (first < 'A' || first > 'Z') return false;
  if (is_symbol({&first, 1})) return true;
  for (char second = 'a'; second <= 'z'; ++second) {
    if (is_symbol(std::string{first, second})) return true;
  }
  return false;
}

std::string CrystalGrammar::shortest_end(GrammarState s) const {
  std::string text;
  const auto add = [&](char byte) {
    const auto next = step(s, static_cast<unsigned char>(byte));
    if (!next) return false;
    s = *next;
    text += byte;
    return true;
  };
  // Separators before digits: within an item the shortest way is to close it as soon as possible.
  // A first digit that allows closing sooner comes before one that does not.
  while (!may_end(s)) {
    if (s.field == Field::kAngle) {
      const std::string digits = std::to_string(shortest_angle(s));
      if (!add(s.position == digits.size() ? (s.item < 2 ? ' ' : '\n') : digits[s.position])) break;
      continue;
    }
    bool done = add('\n') || add(' ') || add('.');
    if (!done && s.field == Field::kElement) {
      for (char c = s.position == 0 ? 'A' : 'a'; c <= (s.position == 0 ? 'Z' : 'z') && !done; ++c) {
        // a first letter that is a symbol by itself
        if (s.position == 0 && !is_symbol({&c, 1})) continue;
        done = add(c);
      }
    } else if (!done && s.field == Field::kLength && s.position == 0) {
      done =
          add(static_cast<char>('0' + (min_tenths_ < 100 ? min_tenths_ / 10 : min_tenths_ / 100)));
    } else {
      for (char c = '0'; c <= '9' && !done; ++c) done = add(c);
    }
    if (!done) break;  // cannot be: every state has an end
  }
  return text;
}

int CrystalGrammar::may_finish_within(GrammarState state) const {
  return static_cast<int>(shortest_end(state).size());
}

int CrystalGrammar::longest() const {
  // lengths "12.3 12.3 12.3\n", angles "179 179 1\n" has fewer digits than "120 120 119\n", and per
  // site "He\n0.00 0.00 0.00\n" without the last line feed
  return 15 + 12 + options_.max_sites * 18 - 1;
}

}  // namespace anneal
