#include "base/text.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/core.h>

namespace anneal {

std::string_view trim(std::string_view text) {
  const char* kSpace = " \t\r\n";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  std::size_t start = 0;
  while (true) {
    const auto end = text.find(separator, start);
    pieces.push_back(text.substr(start, end - start));
    if (end == std::string_view::npos) return pieces;
    start = end + 1;
  }
}

std::optional<std::size_t> first_invalid_utf8(std::string_view text) {
  const auto* s = reinterpret_cast<const unsigned char*>(text.data());
  const std::size_t n = text.size();
  for (std::size_t i = 0; i < n;) {
    if (s[i] < 0x80) {
      ++i;
      continue;
    }
    // Table 3-7 of the Unicode standard: the second byte's range depends on the first.
    int length = 0;
    unsigned char low = 0x80, high = 0xBF;
    if (s[i] >= 0xC2 && s[i] <= 0xDF) {
      length = 2;
    } else if (s[i] >= 0xE0 && s[i] <= 0xEF) {
      length = 3;
      if (s[i] == 0xE0) low = 0xA0;
      if (s[i] == 0xED) high = 0x9F;
    } else if (s[i] >= 0xF0 && s[i] <= 0xF4) {
      length = 4;
      if (s[i] == 0xF0) low = 0x90;
      if (s[i] == 0xF4) high = 0x8F;
    } else {
      return i;
    }
    if (i + length > n || s[i + 1] < low || s[i + 1] > high) return i;
    for (int k = 2; k < length; ++k) {
      if (s[i + k] < 0x80 || s[i + k] > 0xBF) return i;
    }
    i += length;
  }
  return std::nullopt;
}

int edit_distance(std::string_view a, std::string_view b) {
  std::vector<int> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int substitution = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({substitution, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates) {
  std::string best;
  int best_distance = 0;
  for (const auto& candidate : candidates) {
    const int distance = edit_distance(name, candidate);
    if (best.empty() || distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string quoted(std::string_view text) {
  return fmt::format("'{}{}'", text.substr(0, 60), text.size() > 60 ? "..." : "");
}

std::string with_commas(std::int64_t count) {
  std::string digits = std::to_string(count < 0 ? -count : count);
  for (int i = static_cast<int>(digits.size()) - 3; i > 0; i -= 3) digits.insert(i, ",");
  return count < 0 ? "-" + digits : digits;
}

std::string human_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "?";
  const auto s = static_cast<std::int64_t>(std::llround(seconds));
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m {:02}s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{}h {:02}m", s / 3600, s % 3600 / 60);
  return fmt::format("{}d {:02}h", s / 86400, s % 86400 / 3600);
}

std::string human_bytes(double bytes) {
  const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  int unit = 0;
  while (bytes >= 1024 && unit < 4) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::optional<double> parse_duration_s(std::string_view text) {
  text = trim(text);
  if (text.empty()) return std::nullopt;
  const auto whole = [](std::string_view digits) -> std::optional<double> {
    if (digits.empty() || digits.size() > 9) return std::nullopt;
    double value = 0;
    for (const char c : digits) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    return value;
  };
  double seconds = 0;
  if (text.find(':') != std::string_view::npos) {
    if (const auto dash = text.find('-'); dash != std::string_view::npos) {
      const auto days = whole(text.substr(0, dash));
      if (!days) return std::nullopt;
      seconds = *days * 24;
      text.remove_prefix(dash + 1);
      if (split(text, ':').size() != 3) return std::nullopt;
    }
    const auto parts = split(text, ':');
    if (parts.size() > 3) return std::nullopt;
    bool first = true;
    for (const auto part : parts) {
      const auto value = whole(part);
      if (!value || (!first && *value >= 60)) return std::nullopt;
      seconds = first ? seconds + *value : seconds * 60 + *value;
      first = false;
    }
    return seconds;
  }
  if (const auto plain = whole(text)) return plain;
  constexpr std::string_view kUnits = "dhms";
  constexpr double kSeconds[] = {86400, 3600, 60, 1};
  std::size_t next_unit = 0;
  while (!text.empty()) {
    const auto end = text.find_first_not_of("0123456789");
    if (end == std::string_view::npos) return std::nullopt;
    const auto value = whole(text.substr(0, end));
    const auto unit = kUnits.find(text[end]);
    if (!value || unit == std::string_view::npos || unit < next_unit) return std::nullopt;
    seconds += *value * kSeconds[unit];
    next_unit = unit + 1;
    text = trim(text.substr(end + 1));
  }
  return seconds;
}

}  // namespace anneal
