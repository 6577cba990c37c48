// Packing: documents into rows of `sequence_length` tokens.
// Plain documents follow one another, row r being tokens [r L, (r + 1) L) of their concatenation; a
// document that does not fit goes on in the next row as a piece. Instruction documents are not split
// if they fit a row: best fit within a window of documents (Ding et al. 2024, "Fewer truncations
// improve language modeling", without their truncation of plain text).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace anneal {

/// Part of a document in a row.
struct RowPiece {
  std::uint64_t document = 0;
  std::int64_t start = 0;   ///< its first token, within the document
  std::int64_t length = 0;  ///< tokens
  friend bool operator==(const RowPiece&, const RowPiece&) = default;
};

/// A document to pack.
struct PackItem {
  std::int64_t length = 0;
  bool whole = false;  ///< not to be split
};

/// Rows as lists of pieces.
class PackedRows {
 public:
  std::uint64_t size() const { return begin_.size() - 1; }
  std::span<const RowPiece> row(std::uint64_t index) const {
    return {pieces_.data() + begin_[index], pieces_.data() + begin_[index + 1]};
  }
  std::int64_t num_truncated_documents = 0;  ///< whole documents longer than a row, cut at its end
  std::int64_t num_truncated_tokens = 0;     ///< tokens lost by that

  void add_piece(const RowPiece& piece) { pieces_.push_back(piece); }
  void end_row() { begin_.push_back(pieces_.size()); }

 private:
  std::vector<RowPiece> pieces_;
  std::vector<std::size_t> begin_ = {0};
};

/// Packs documents in order. Whole documents may be overtaken by at most 64 later ones.
PackedRows pack_rows(std::span<const PackItem> documents, std::int64_t sequence_length);

}  // namespace anneal
