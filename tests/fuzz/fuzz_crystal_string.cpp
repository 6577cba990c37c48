// libFuzzer target: any bytes as a generation with a crystal string, and as Python lists.
#include "cif/crystal_grammar.h"
#include "cif/crystal_string.h"
#include "tests/fuzz/check.h"

using namespace anneal;
using anneal::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto part = crystal_part(text);
  const auto parsed = parse_crystal_string(part);
  fuzz::require_verdict(parsed);
  fuzz::require_verdict(parse_crystal_text(text));

  static const CrystalGrammar grammar({.max_sites = 1000, .max_atomic_number = 118});
  if (const auto state = grammar.advance(grammar.start(), part)) {
    require(!grammar.may_end(*state) || parsed.crystal.has_value(),
            "what the grammar accepts is a crystal: " + parsed.detail);
    const auto whole = std::string(part) + grammar.shortest_end(*state);
    require(parse_crystal_string(whole).crystal.has_value(), "every beginning can be finished");
  }
  if (parsed.crystal) {
    const auto again = parse_crystal_string(crystal_string(*parsed.crystal));
    require(again.composition == parsed.composition, "the atoms survive writing and reading");
  }

  // the same bytes as the four columns of LLaMat's tables, cut at line feeds
  std::string_view lists[4], rest = text;
  for (auto& list : lists) {
    const auto end = rest.find('\n');
    list = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  fuzz::require_verdict(parse_crystal_lists(lists[0], lists[1], lists[2], lists[3]));
  return 0;
}
