// A crystal as a card of the page: formula, a drawing that can be turned, cell, sites.
#pragma once

#include <string>

#include "cif/crystal.h"

namespace anneal {

/// "Li3Fe2(PO4)3" with its numbers lowered.
std::string formula_html(const std::string& formula);

/// The figure. `head` (HTML) stands beside the formula, `note` (HTML, may be "") under the cell.
/// The script of the page (kDrawingScript) draws what the JSON in it says, with a legend.
std::string crystal_card(const Crystal& crystal, const std::string& head,
                         const std::string& note = "");

/// Draws every `.crystal` figure: turned with mouse, finger or arrow keys, + and - to come nearer,
/// 0 to start again.
extern const char* const kDrawingScript;

}  // namespace anneal
