// An addition to the score: fields of its own in verdicts.jsonl and keys of its own in summary.json
// (validity families, symmetry, stability).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>

#include "base/log.h"
#include "cif/verdict.h"

namespace anneal {

class ScorePart {
 public:
  virtual ~ScorePart() = default;
  /// How many rows of the input it wants to judge at once; the smallest wish of all parts counts.
  virtual int batch_rows() const { return 256; }
  /// Judges crystals and adds fields to `verdicts[i].extra` about `records[i]` (`extra` keeps the
  /// order in which fields are added; always add the same ones, null where unknown). Called from
  /// several threads and ranks at once; the result must depend on the record alone.
  virtual void judge(std::span<const CrystalRecord> records, std::span<Verdict> verdicts) const = 0;
  /// Takes one verdict, `extra` included; called in the order of the input by one thread of rank 0,
  /// also with verdicts that other ranks have written.
  virtual void add(const Verdict& verdict) = 0;
  /// Adds its keys (and their denominators under "denominators", rules under "rules") to the
  /// summary, after the last `add`.
  virtual void finish(nlohmann::ordered_json& summary) = 0;
  /// Lines for the terminal, after `finish`.
  virtual void print(const Log&) const {}
};

}  // namespace anneal
