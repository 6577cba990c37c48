// Reduce-scatter over MPI in pieces, summed in rank order: MPI's own non-blocking one (Open MPI 4) sends
// everything to rank 0, sums there and needs twice the buffer beside it.
#pragma once

#include <cstddef>
#include <vector>

#include <mpi.h>

namespace anneal {

class MpiReduceScatter {
 public:
  /// Starts: slice[i] = sum over ranks r of their all[rank * count + i], in the order r = 0, 1, ...
  /// `tag` must differ between operations under way at once. The buffers are lent until it is done.
  MpiReduceScatter(MPI_Comm comm, int rank, int size, const float* all, float* slice, std::size_t count,
                   int tag);
  ~MpiReduceScatter();
  MpiReduceScatter(const MpiReduceScatter&) = delete;
  MpiReduceScatter& operator=(const MpiReduceScatter&) = delete;

  /// Goes on as far as possible without waiting. An MPI error code; `done` says whether all is complete.
  int advance(bool& done);

 private:
  std::size_t piece_begin(std::size_t piece) const;
  std::size_t piece_size(std::size_t piece) const;
  int post(std::size_t piece);
  void add_up(std::size_t piece);

  MPI_Comm comm_;
  int rank_, size_, tag_;
  const float* all_;
  float* slice_;
  std::size_t count_, pieces_, posted_ = 0, summed_ = 0;
  std::vector<MPI_Request> sends_, receives_;  // receives_: [pieces in flight][peers]
  std::vector<float> arrived_;                 // [pieces in flight][peers][elements of a piece]
  int fault_ = MPI_SUCCESS;
};

}  // namespace anneal
