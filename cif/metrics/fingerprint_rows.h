// Euclidean distances among many fingerprints: 10,000 x 10,000 in seconds, without a matrix of
// them.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace anneal {

/// Fingerprints of one width, row after row.
class FingerprintRows {
 public:
  explicit FingerprintRows(std::size_t width) : width_(width) {}
  void add(std::span<const double> row);
  std::size_t width() const { return width_; }
  std::size_t size() const { return values_.size() / width_; }
  std::span<const double> operator[](std::size_t i) const { return {&values_[i * width_], width_}; }

 private:
  std::size_t width_;
  std::vector<double> values_;
};

struct NearestDistances {
  std::vector<double> of_rows;     ///< from each row of the first set to the nearest of the second
  std::vector<double> of_columns;  ///< from each row of the second set to the nearest of the first
};

/// Infinite where the other set is empty. Independent of the number of threads (0: all processors).
NearestDistances nearest_distances(const FingerprintRows& one, const FingerprintRows& other,
                                   int threads = 0);

/// Mean distance over all pairs of different rows (scipy's `pdist(...).mean()`); NaN for fewer than
/// two rows. Independent of the number of threads.
double mean_pair_distance(const FingerprintRows& rows, int threads = 0);

}  // namespace anneal
