// Deterministic automaton over the bytes of crystal strings (crystal_string.h), for sampling under
// a grammar: every complete text it accepts is parsed by parse_crystal_string.
//
//   L L L        lengths, one decimal, no leading zero, within [min_length_a, max_length_a]
//   A A A        whole degrees 1..179; the third such that the three make a cell: with the first
//   two
//                A1, A2 it lies strictly between |A1 - A2| and min(A1 + A2, 360 - A1 - A2)
//   El           a symbol of Z = 1..max_atomic_number
//   X X X        coordinates 0.00 .. 0.99 (and 1.00 where allow_one, as the reference prints it)
//   ...          min_sites to max_sites times, no line feed at the end
#pragma once

#include <bitset>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace anneal {

struct CrystalGrammarOptions {
  int min_sites = 1;
  int max_sites = 20;           ///< at most 65535
  double min_length_a = 1.0;    ///< Angstrom, at least 0.1 (in tenths)
  double max_length_a = 99.9;   ///< Angstrom, at most 99.9 (in tenths)
  int max_atomic_number = 103;  ///< at most 118
  bool allow_one = true;        ///< accept "1.00" as a coordinate (crystal_string writes it)
};

/// Where in a crystal string a text stands: a small value. Two texts in equal states have the same
/// continuations, whatever came before, so that masks can be cached by state.
struct GrammarState {
  enum class Field : std::uint8_t { kLength, kAngle, kElement, kCoordinate };
  Field field = Field::kLength;
  std::uint8_t item = 0;      ///< of the three in the line
  std::uint8_t position = 0;  ///< within the item: bytes so far, or 255 where the crystal may end
  std::uint8_t angle1 = 0, angle2 = 0;  ///< degrees, while the third is open
  std::uint16_t value = 0;              ///< the number so far, or the first letter of the element
  std::uint16_t sites = 0;              ///< complete sites before this one
  auto operator<=>(const GrammarState&) const = default;
  /// All of it as one number.
  std::uint64_t key() const;
};

class CrystalGrammar {
 public:
  /// Throws UsageError for options out of range.
  explicit CrystalGrammar(const CrystalGrammarOptions& options = {});

  GrammarState start() const { return {}; }
  /// The state after `bytes`, or nothing if no crystal string continues so.
  std::optional<GrammarState> advance(GrammarState state, std::string_view bytes) const;
  /// Whether the text may end here (it is then a complete crystal string).
  bool may_end(GrammarState state) const;
  /// The bytes that may come next (none where only the end may).
  std::bitset<256> next_bytes(GrammarState state) const;

  /// A shortest text that leads from `state` to where the crystal may end ("" there).
  std::string shortest_end(GrammarState state) const;
  /// Its number of bytes: with this many tokens of budget left (each at least one byte, single
  /// bytes among them) a sampler can always finish, without them it may not.
  int may_finish_within(GrammarState state) const;
  /// Length of the longest text accepted, in bytes.
  int longest() const;

  const CrystalGrammarOptions& options() const { return options_; }

 private:
  std::optional<GrammarState> step(GrammarState state, unsigned char byte) const;
  std::optional<GrammarState> step_length(GrammarState state, unsigned char byte) const;
  std::optional<GrammarState> step_angle(GrammarState state, unsigned char byte) const;
  std::optional<GrammarState> step_element(GrammarState state, unsigned char byte) const;
  std::optional<GrammarState> step_coordinate(GrammarState state, unsigned char byte) const;
  bool is_symbol(std::string_view name) const;
  bool begins_symbol(char first) const;
  CrystalGrammarOptions options_;
  int min_tenths_, max_tenths_;
};

}  // namespace anneal

template <>
struct std::hash<anneal::GrammarState> {
  std::size_t operator()(const anneal::GrammarState& state) const noexcept {
    return static_cast<std::size_t>(state.key() * 0x9E3779B97F4A7C15ull);
  }
};
