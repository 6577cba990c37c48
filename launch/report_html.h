// Pieces of HTML and SVG, and numbers as a person writes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace anneal {

/// `&`, `<`, `>` and quotes replaced; bytes that are no UTF-8 become U+FFFD.
std::string escape_html(std::string_view text);

/// JSON that may stand inside <script>: no "</" in it.
std::string script_json(std::string json);

/// 0.8317 -> "83.2 %".
std::string percent(double fraction, int decimals = 1);

/// 1234567 -> "1.23 M".
std::string short_count(double count);

/// Rows of cells as aligned columns for a terminal, the first row underlined; `right`: columns set to the right.
std::string aligned_table(const std::vector<std::vector<std::string>>& rows, const std::vector<bool>& right);

/// Round axis marks that cover [low, high]: about `wanted` of them.
std::vector<double> axis_marks(double low, double high, int wanted);

/// 95 % interval of a proportion (Wilson 1927): better than the normal one near 0 and 1.
struct Interval {
  double low = 0, high = 1;
};
Interval wilson(double successes, double total);

}  // namespace anneal
