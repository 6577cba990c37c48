// Prompts of the crystal generation task of CrystalLLM (Gruver et al. 2024,
// facebookresearch/crystal-text-llm, llama_finetune.py), on which LLaMat's CIF adapters are
// trained. Training and sampling build their prompts with these same functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cif/crystal.h"

namespace anneal {

/// A property that a generated crystal is asked to have.
struct Condition {
  std::string key;    ///< one of condition_keys()
  std::string value;  ///< as it stands in the prompt
  bool operator==(const Condition&) const = default;
};

/// pretty_formula, elements, formation_energy_per_atom, band_gap, e_above_hull, spacegroup.number.
const std::vector<std::string>& condition_keys();

/// Reads "pretty_formula: LiFeO2". Numbers are rounded to four decimals. Throws UsageError with the
/// nearest key, and for a value that is empty or no number where one is needed.
Condition parse_condition(const std::string& text);

/// `value` rounded to four decimals, as Python prints round(value, 4): "-1.4042", "0.0".
std::string condition_number(double value);

/// "Below is a description of a bulk material. Generate a description of the lengths ...:\n"
std::string unconditional_prompt();

/// The same with a sentence for each condition, in the order given.
std::string conditional_prompt(const std::vector<Condition>& conditions);

/// "Below is a partial description ... [MASK] ...": `crystal_text` (a crystal string) with each
/// line that is exactly `element` written as [MASK]. (The original replaces the symbol as a
/// substring, which turns Ca into [MASK]a where C is removed.)
std::string infill_prompt(std::string_view crystal_text, std::string_view element);

/// `crystal_text` with each line that is exactly `element` written as [MASK].
std::string masked(std::string_view crystal_text, std::string_view element);

/// A copy with every site moved by the same fraction of the cell, into [0, 1).
Crystal translated(const Crystal& crystal, const Fractional& shift);

}  // namespace anneal
