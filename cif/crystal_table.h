// Crystals from every INPUT of `anneal score`, one at a time:
//   - CSV (plain or .gz) with a column `cif`; or with `lengths, angles, species, coords` (Python
//     lists); or with a column `text`, `gen_str` or `original_gen_str` (crystal strings);
//   - JSONL (plain or .gz) with a field `text` (a generation: a crystal string or a CIF) or `cif`;
//   - a CIF file (plain or .gz; every block with a structure is a crystal), or a folder of them.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cif/parsed_crystal.h"

namespace anneal {

struct CrystalRecord {
  std::int64_t index = 0;  ///< from 0, in order of the input
  std::string id;  ///< `material_id` or `id` where there is one, a file's name, or the index
  /// Everything else the row says, by column or field name, without the crystal's own text.
  std::map<std::string, std::string> columns;
  ParsedCrystal parsed;
};

/// What a row holds before it is read as a crystal: cheap to get, so that reading (one thread) and
/// parsing (many) can be apart.
struct RawCrystal {
  enum class Kind { kCif, kText, kLists, kJson, kFile, kBadRow };
  Kind kind = Kind::kCif;
  std::string id;
  std::string text;                  ///< CIF, crystal string, JSON line, path, or the fault
  std::array<std::string, 4> lists;  ///< lengths, angles, species, coords
  std::map<std::string, std::string> columns;
  std::size_t bytes() const;
};

class CrystalReader {
 public:
  /// Opens a file or folder; the kind follows from the extension, else from the first bytes. Throws
  /// DataError if there is nothing, or if a table lacks the columns above (the message names those
  /// it has and the nearest).
  explicit CrystalReader(const std::filesystem::path& input);
  ~CrystalReader();
  CrystalReader(CrystalReader&&) noexcept;
  CrystalReader& operator=(CrystalReader&&) noexcept;

  /// What kind of input it is, in words, for the log.
  const std::string& description() const;
  /// The next crystal, or nothing at the end. Throws DataError if the file itself is damaged; a row
  /// that is no crystal is a record with a reason.
  std::optional<CrystalRecord> next();
  /// The next row, unparsed. Do not mix with next().
  std::optional<RawCrystal> next_raw();
  /// Reads a raw row as crystals: one, or one per block of a CIF file. Thread-safe. The indices are
  /// left 0 and an empty id means "take the index".
  static std::vector<CrystalRecord> parse(RawCrystal raw);

  class Source;  ///< one kind of input

 private:
  std::unique_ptr<Source> source_;
  std::vector<CrystalRecord> waiting_;  // blocks of a file, last first
  std::int64_t next_index_ = 0;
};

/// Reads a text that may be a CIF (it has a line "data_") or a generation with a crystal string.
ParsedCrystal parse_crystal_text(std::string_view text);

/// Reads Python lists as LLaMat's tables hold them: "[4.2, 4.2, 6.7]", "[90.0, 90.0, 120.0]",
/// "['Ga', 'Te']", "[[0.1, 0.2, 0.3], ...]".
ParsedCrystal parse_crystal_lists(std::string_view lengths, std::string_view angles,
                                  std::string_view species, std::string_view coords);

}  // namespace anneal
