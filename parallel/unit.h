// A unit (embedding, one block, head) of a sharded model: its parameters lie one behind the other in
// one flat fp32 buffer, padded to a multiple of the number of ranks; each rank owns one slice of the
// weights, gradients and Adam moments (ZeRO-3, Rajbhandari et al. 2020; FSDP, Zhao et al. 2023).
// Pure arithmetic; no torch, no communication.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace anneal {

/// One parameter of a unit. `offset` counts elements from the start of the unit's flat buffer.
struct ParameterSlot {
  std::string name;                 ///< Hugging Face name
  std::vector<std::int64_t> shape;
  std::int64_t offset = 0;
  bool frozen = false;              ///< has no gradient and is never updated
  std::int64_t numel() const;
  bool decays() const { return shape.size() > 1; }  ///< weight decay is for matrices only
};

/// A range of a slice that belongs to one trained parameter; for weight decay.
struct SliceRange {
  std::int64_t begin = 0, end = 0;  ///< elements, from the start of the rank's slice
  bool decays = false;
};

class UnitLayout {
 public:
  /// Adds a parameter behind the ones before. Parameters that are used as one fused matrix (q, k, v;
  /// gate, up) must lie gap-free: `fused_with_previous` puts it right behind the one before; others
  /// start at a multiple of 16 elements (64 bytes).
  void add(std::string name, std::vector<std::int64_t> shape, bool fused_with_previous = false);

  explicit UnitLayout(std::string name) : name_(std::move(name)) {}
  const std::string& name() const { return name_; }
  const std::vector<ParameterSlot>& slots() const { return slots_; }
  std::int64_t numel() const { return end_; }  ///< alignment gaps included
  std::int64_t num_parameters() const;         ///< without gaps
  std::int64_t num_trained_parameters() const;
  bool trained() const { return num_trained_parameters() > 0; }
  /// Freezes the parameters whose name contains one of `parts`; `freeze()` all of them.
  void freeze(const std::vector<std::string>& parts);
  void freeze();
  /// Elements a rank owns: numel / world, rounded up to a multiple of 16.
  std::int64_t slice_numel(int world_size) const;
  std::int64_t padded_numel(int world_size) const { return slice_numel(world_size) * world_size; }
  /// The trained parameters' ranges within the slice of `rank`.
  std::vector<SliceRange> slice_ranges(int rank, int world_size) const;

 private:
  std::string name_;
  std::vector<ParameterSlot> slots_;
  std::int64_t end_ = 0;
};

}  // namespace anneal
