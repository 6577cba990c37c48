// Small text helpers: splitting, UTF-8 validation, nearest name for "did you mean".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace anneal {

/// `text` without white space (space, tab, CR, LF) at both ends.
std::string_view trim(std::string_view text);

/// Pieces of `text` between occurrences of `separator`; always at least one piece.
std::vector<std::string_view> split(std::string_view text, char separator);

/// Byte offset of the first byte that is not valid UTF-8 (RFC 3629: no overlong forms, no
/// surrogates, at most U+10FFFF), or nothing if all is valid.
std::optional<std::size_t> first_invalid_utf8(std::string_view text);

/// Levenshtein distance in bytes.
int edit_distance(std::string_view a, std::string_view b);

/// The candidate nearest to `name` by edit distance (ties: the first), "" if there is none.
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

/// The text in single quotes, cut after 60 bytes: for messages about input of any length.
std::string quoted(std::string_view text);

/// `count` with thousands separated by commas: 1234567 -> "1,234,567".
std::string with_commas(std::int64_t count);

/// Seconds as "45s", "3m 12s", "2h 05m" or "3d 04h".
std::string human_duration(double seconds);

/// Seconds of a duration as people and Slurm write it: "90", "90s", "1h 30m", "12:30" (minutes and
/// seconds), "01:30:00", "2-12:00:00" (days first). Nothing if it is none of these.
std::optional<double> parse_duration_s(std::string_view text);

/// Bytes as "812 B", "3.1 KiB", "2.4 GiB".
std::string human_bytes(double bytes);

}  // namespace anneal
