// Sentence frames with named blanks: "{It} has a density of {density} g/cm3." A frame can be used
// where all of its blanks are known; frames of one group say the same thing in different words.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace anneal {

using Words = std::map<std::string, std::string, std::less<>>;
using FrameGroup = std::vector<std::string_view>;

/// The frame with its blanks filled in and the first letter of every blank that begins with a
/// capital
/// ("{It}") in upper case. Throws std::logic_error for an unknown blank.
std::string fill(std::string_view frame, const Words& words);

/// True if every blank of the frame is known.
bool can_fill(std::string_view frame, const Words& words);

/// First letter in upper case.
std::string capitalised(std::string text);

/// "a" or "an" and the noun, by its first letter.
std::string with_article(std::string_view noun);

/// "one" to "twelve", then digits.
std::string number_word(int number);

/// "a", "a and b", "a, b and c".
std::string listed(const std::vector<std::string>& items);

// Groups by what they are about; the first group of each opens a document.
std::span<const FrameGroup> crystal_frames();     ///< one crystal
std::span<const FrameGroup> comparison_frames();  ///< two crystals
std::span<const FrameGroup> gap_frames();         ///< a formula with its band gap
std::span<const FrameGroup> gap_pair_frames();    ///< two of those
std::span<const FrameGroup> element_frames();     ///< a chemical element

}  // namespace anneal
