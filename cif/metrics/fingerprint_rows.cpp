// Rows of one set are laid out in blocks of eight, component by component, so that a row of the
// other meets eight at once in the lanes of a vector register. Differences are squared, not taken
// from a product of matrices: near-equal fingerprints keep all digits.
#include "cif/metrics/fingerprint_rows.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <mutex>

#include "cif/for_each_index.h"

namespace anneal {
namespace {

constexpr std::size_t kLanes = 8;
constexpr double kFar = std::numeric_limits<double>::infinity();

/// Blocks of eight rows; the last is filled up with copies of its first row.
struct Blocks {
  std::size_t width, rows, count;
  std::vector<double> values;
  explicit Blocks(const FingerprintRows& from)
      : width(from.width()), rows(from.size()), count((rows + kLanes - 1) / kLanes) {
    values.resize(count * width * kLanes);
    for (std::size_t i = 0; i < count * kLanes; ++i) {
      const auto row = from[i < rows ? i : i / kLanes * kLanes];
      for (std::size_t k = 0; k < width; ++k) {
        values[(i / kLanes * width + k) * kLanes + i % kLanes] = row[k];
      }
    }
  }
  std::size_t lanes_of(std::size_t block) const { return std::min(kLanes, rows - block * kLanes); }
};

/// Squared distances from one row to the eight of a block.
[[gnu::optimize("O3")]] void squares(const double* row, const double* block, std::size_t width,
                                     double* out) {
  std::array<double, kLanes> sum{};
  for (std::size_t k = 0; k < width; ++k) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double d = row[k] - block[k * kLanes + lane];
      sum[lane] += d * d;
    }
  }
  std::copy(sum.begin(), sum.end(), out);
}

}  // namespace

void FingerprintRows::add(std::span<const double> row) {
  values_.insert(values_.end(), row.begin(), row.end());
}

NearestDistances nearest_distances(const FingerprintRows& one, const FingerprintRows& other,
                                   int threads) {
  NearestDistances result;
  result.of_rows.assign(one.size(), kFar);
  result.of_columns.assign(other.size(), kFar);
  const Blocks blocks(other);
  constexpr std::size_t kChunk = 64;  // rows that pass over all blocks together
  std::mutex joining;
  for_each_index((one.size() + kChunk - 1) / kChunk, threads, [&](std::size_t chunk) {
    const std::size_t first = chunk * kChunk, end = std::min(one.size(), first + kChunk);
    std::vector<double> columns(other.size(), kFar);
    for (std::size_t block = 0; block < blocks.count; ++block) {
      const double* values = &blocks.values[block * blocks.width * kLanes];
      const std::size_t lanes = blocks.lanes_of(block);
      for (std::size_t i = first; i < end; ++i) {
        std::array<double, kLanes> square;
        squares(one[i].data(), values, blocks.width, square.data());
        for (std::size_t lane = 0; lane < lanes; ++lane) {
          result.of_rows[i] = std::min(result.of_rows[i], square[lane]);
          double& column = columns[block * kLanes + lane];
          column = std::min(column, square[lane]);
        }
      }
    }
    const std::lock_guard lock(joining);
    for (std::size_t j = 0; j < columns.size(); ++j) {
      result.of_columns[j] = std::min(result.of_columns[j], columns[j]);
    }
  });
  for (auto* squared : {&result.of_rows, &result.of_columns}) {
    for (double& x : *squared) x = std::sqrt(x);
  }
  return result;
}

double mean_pair_distance(const FingerprintRows& rows, int threads) {
  const std::size_t n = rows.size();
  if (n < 2) return std::numeric_limits<double>::quiet_NaN();
  const Blocks blocks(rows);
  std::vector<double> sums(n, 0.0);  // of the distances to the rows behind
  for_each_index(n, threads, [&](std::size_t i) {
    for (std::size_t block = i / kLanes; block < blocks.count; ++block) {
      std::array<double, kLanes> square;
      squares(rows[i].data(), &blocks.values[block * blocks.width * kLanes], blocks.width,
              square.data());
      for (std::size_t lane = 0; lane < blocks.lanes_of(block); ++lane) {
        if (block * kLanes + lane > i) sums[i] += std::sqrt(square[lane]);
      }
    }
  });
  double sum = 0;
  for (const double x : sums) sum += x;
  return sum / (0.5 * static_cast<double>(n) * static_cast<double>(n - 1));
}

}  // namespace anneal
