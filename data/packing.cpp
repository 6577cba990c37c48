#include "data/packing.h"

#include <algorithm>
#include <deque>

namespace anneal {

namespace {
constexpr std::size_t kWindow = 64;
}

PackedRows pack_rows(std::span<const PackItem> documents, std::int64_t sequence_length) {
  PackedRows rows;
  std::deque<RowPiece> window;  // what is left of the next documents, oldest first
  std::size_t next = 0;
  std::int64_t space = sequence_length;
  for (;;) {
    while (window.size() < kWindow && next < documents.size()) {
      RowPiece piece{next, 0, documents[next].length};
      if (documents[next].whole && piece.length > sequence_length) {
        ++rows.num_truncated_documents;
        rows.num_truncated_tokens += piece.length - sequence_length;
        piece.length = sequence_length;
      }
      ++next;
      if (piece.length > 0) window.push_back(piece);
    }
    if (window.empty()) break;

    // the oldest opens a row; then the longest that fits, plain text being cut to fit
    auto chosen = window.end();
    for (auto it = window.begin(); it != window.end(); ++it) {
      const bool whole = documents[it->document].whole;
      if (whole && it->length > space) continue;
      if (space == sequence_length || !whole) {
        // plain text keeps its order, so the first that is met is the one
        if (chosen == window.end() || !whole) chosen = it;
        break;
      }
      if (chosen == window.end() || it->length > chosen->length) chosen = it;
    }
    if (chosen == window.end()) {
      rows.end_row();
      space = sequence_length;
      continue;
    }
    const std::int64_t length = std::min(chosen->length, space);
    rows.add_piece({chosen->document, chosen->start, length});
    chosen->start += length;
    chosen->length -= length;
    if (chosen->length == 0) window.erase(chosen);
    space -= length;
    if (space == 0) {
      rows.end_row();
      space = sequence_length;
    }
  }
  if (space < sequence_length) rows.end_row();
  return rows;
}

}  // namespace anneal
