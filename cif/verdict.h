// The verdict on one crystal: what stands in a line of verdicts.jsonl (design/interface.md).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cif/crystal_table.h"

namespace anneal {

struct Verdict {
  std::int64_t index = 0;
  std::string id;
  bool parsed = false;
  std::string reason;  ///< "" if parsed, else a name of reject_reason.h
  std::string detail;  ///< what exactly was wrong
  /// Known wherever the atoms could be read, also in an impossible cell.
  std::optional<std::string> formula;
  std::optional<int> num_atoms, num_elements;
  /// Only for a parsed crystal; the distance also needs two sites.
  std::optional<double> volume_a3, density_g_cm3, min_distance_a;
  bool struct_valid = false;
  /// As in CDVAE, judged on the atoms alone: a crystal whose cell is at fault can have it.
  bool comp_valid = false;
  /// Fields of score parts (score_part.h), an object or null; they follow the others in a line.
  nlohmann::ordered_json extra;
  bool operator==(const Verdict&) const = default;
};

/// Judges a record by the rules of validity.h; `cutoff_a` is the smallest distance allowed
/// (Angstrom).
Verdict judge(const CrystalRecord& record, double cutoff_a = 0.5);

/// One line of JSON without line feed; unknown values are null.
std::string to_json(const Verdict& verdict);

/// The part of that line behind the id: what is known before the crystals are numbered.
std::string json_behind_id(const Verdict& verdict);
/// The line from that part.
std::string to_json(std::int64_t index, const std::string& id, const std::string& behind_id);

/// Reads such a line. Throws DataError.
Verdict verdict_from_json(const std::string& line);

}  // namespace anneal
