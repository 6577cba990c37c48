// The crystal string of CrystalLLM (Gruver et al. 2024) and LLaMat: lengths, angles, then a line
// with the element and a line with the fractional coordinates of each site.
//
//   4.2 4.2 6.7
//   90 90 120
//   Ga
//   0.37 0.85 0.89
//   ...
#pragma once

#include <string>
#include <string_view>

#include "cif/parsed_crystal.h"

namespace anneal {

struct CrystalStringOptions {
  /// Write "0.00" for a coordinate that rounds up to 1. The reference (crystal-text-llm's
  /// get_crystal_string) does not: it moves sites into [0, 1) and prints "{:.2f}", hence "1.00" for
  /// 0.995 and above, and LLaMat's generations contain it. The default follows the reference.
  bool wrap_one = false;
};

/// Lengths with one decimal, angles truncated to whole degrees, coordinates (moved into [0, 1))
/// with two decimals; lines joined by \n, no line feed at the end.
std::string crystal_string(const Crystal& crystal, const CrystalStringOptions& options = {});

/// Strict reading, as crystal-text-llm's parse_fn: empty lines are skipped, fields are separated by
/// white space, every symbol is an element (D and T are hydrogen), every site has exactly three
/// coordinates, nothing else is there. Coordinates are kept as written. Never throws on content.
ParsedCrystal parse_crystal_string(std::string_view text);

/// The crystal string within a whole generation: what follows the last prompt marker ("atom within
/// the lattice:", "output-", "<|im_start|>answer") and precedes an end marker ("<|im_end|>",
/// "</s>",
/// "<|endoftext|>", "<|end_of_text|>"), without white space at both ends. Without markers: all of
/// it.
std::string_view crystal_part(std::string_view generation);

/// A generation up to the first marker that ends a text (</s>, <|im_end|>, ...).
std::string_view before_end_marker(std::string_view generation);

}  // namespace anneal
