#include "cif/match/assignment.h"

#include <cstddef>
#include <limits>

namespace anneal {

std::vector<int> linear_assignment(std::span<const double> costs, int n) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  // column n is where a new row starts; potentials keep the reduced costs non-negative
  std::vector<double> row_potential(n, 0), column_potential(n + 1, 0), distance(n + 1);
  std::vector<int> row_of(n + 1, -1), previous(n + 1);
  std::vector<char> done(n + 1);
  for (int row = 0; row < n; ++row) {
    distance.assign(n + 1, kInfinity);
    done.assign(n + 1, 0);
    int column = n;
    row_of[n] = row;
    while (row_of[column] >= 0) {
      done[column] = 1;
      const int from = row_of[column];
      double least = kInfinity;
      int next = -1;
      for (int j = 0; j < n; ++j) {
        if (done[j]) continue;
        const double cost = costs[static_cast<std::size_t>(from) * n + j] - row_potential[from] -
                            column_potential[j];
        if (cost < distance[j]) {
          distance[j] = cost;
          previous[j] = column;
        }
        if (distance[j] < least) {
          least = distance[j];
          next = j;
        }
      }
      for (int j = 0; j <= n; ++j) {
        if (done[j]) {
          row_potential[row_of[j]] += least;
          column_potential[j] -= least;
        } else if (j < n) {
          distance[j] -= least;
        }
      }
      column = next;
    }
    while (column != n) {
      row_of[column] = row_of[previous[column]];
      column = previous[column];
    }
  }
  std::vector<int> result(n);
  for (int j = 0; j < n; ++j) result[row_of[j]] = j;
  return result;
}

}  // namespace anneal
