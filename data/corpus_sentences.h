// Documents about materials: several sentences, each a frame with computed facts in its blanks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "data/corpus_facts.h"

namespace anneal {

inline constexpr int kDocumentMinWords = 40;
inline constexpr int kDocumentMaxWords = 150;

/// Writes documents about the training crystals (three in four), pairs of them, band gaps and
/// elements. Document `index` is a pure function of (facts, seed, index).
class MaterialsWriter {
 public:
  MaterialsWriter(const CorpusFacts& facts, std::uint64_t seed);
  /// One line of 40 to 150 words.
  std::string document(std::uint64_t index) const;

 private:
  std::string about_crystal(std::uint64_t index, bool compare, Random& random) const;
  std::string about_gaps(std::uint64_t index, Random& random) const;
  std::string about_element(std::uint64_t index, Random& random) const;
  /// Item `index` of 0..n-1 when they are gone through in a new random order every time.
  std::size_t turn(std::uint64_t index, std::size_t n, const char* purpose) const;

  const CorpusFacts& facts_;
  std::uint64_t seed_;
  std::vector<int> elements_;                           ///< that occur in the training crystals
  std::vector<std::vector<std::size_t>> with_element_;  ///< [elements] crystals that contain it
};

/// Words as `wc -w` counts them.
int count_words(std::string_view text);

}  // namespace anneal
