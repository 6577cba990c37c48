#include "cif/stability/formula.h"

#include <cctype>

#include "cif/elements.h"
#include "cif/parsed_crystal.h"

namespace anneal {

namespace {

/// Reads a group of a formula up to its closing parenthesis or the end.
bool read_group(std::string_view text, std::size_t& at, std::map<int, double>& amounts, int depth) {
  if (depth > 8) return false;
  const auto read_count = [&](double& count) {
    const std::size_t begin = at;
    while (at < text.size() && (std::isdigit(static_cast<unsigned char>(text[at])) || text[at] == '.')) ++at;
    if (at == begin) {
      count = 1;
      return true;
    }
    return read_number(text.substr(begin, at - begin), count) == NumberText::kNumber && count >= 0 &&
           count <= kMaxAmount;
  };
  while (at < text.size()) {
    if (text[at] == ' ') {
      ++at;
    } else if (text[at] == '(' || text[at] == '[') {
      const char close = text[at] == '(' ? ')' : ']';
      std::map<int, double> inner;
      if (!read_group(text, ++at, inner, depth + 1) || at >= text.size() || text[at] != close) return false;
      ++at;
      double count;
      if (!read_count(count)) return false;
      for (const auto& [z, amount] : inner) amounts[z] += count * amount;
    } else if (text[at] == ')' || text[at] == ']') {
      return depth > 0;
    } else {
      std::size_t length = at + 1 < text.size() && std::islower(static_cast<unsigned char>(text[at + 1])) ? 2 : 1;
      const int z = atomic_number(text.substr(at, length));
      if (z == 0) return false;
      at += length;
      double count;
      if (!read_count(count)) return false;
      amounts[z] += count;
    }
  }
  return depth == 0;
}

template <class Counts>
Amounts positive(const Counts& counts) {
  Amounts amounts;
  for (const auto& [z, count] : counts) {
    if (count > 0) amounts.emplace_back(z, count);
  }
  return amounts;
}

}  // namespace

Amounts to_amounts(const Composition& composition) { return positive(composition); }
Amounts to_amounts(const std::map<int, double>& amounts) { return positive(amounts); }

std::optional<Amounts> read_formula(std::string_view text) {
  std::map<int, double> amounts;
  std::size_t at = 0;
  if (text.size() > 1000 || !read_group(text, at, amounts, 0)) return std::nullopt;
  auto sorted = to_amounts(amounts);
  if (sorted.empty()) return std::nullopt;
  return sorted;
}

}  // namespace anneal
