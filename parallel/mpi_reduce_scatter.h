// Sum over ranks and MPI in pieces, added in rank order, each rank keeping one share: MPI's own
// non-blocking reduce-scatter (Open MPI 4) sends everything to rank 0, sums there and needs twice the
// buffer beside it.
#pragma once

#include <cstddef>
#include <vector>

#include <mpi.h>

#include "parallel/numbers.h"

namespace anneal {

class MpiReduceScatter {
 public:
  /// Starts: sum[i] = sum over ranks r of their all[bounds[rank] + i], in the order r = 0, 1, ..., for
  /// the share [bounds[rank], bounds[rank + 1]) of this rank; the same bounds on all ranks. bf16 numbers
  /// are added in fp32. `sum` may be this rank's share within `all` (fp32).
  /// `tag` must differ between operations under way at once. The buffers are lent until it is done.
  MpiReduceScatter(MPI_Comm comm, int rank, int size, const void* all, NumberType type, float* sum,
                   std::vector<std::size_t> bounds, int tag);
  ~MpiReduceScatter();
  MpiReduceScatter(const MpiReduceScatter&) = delete;
  MpiReduceScatter& operator=(const MpiReduceScatter&) = delete;

  /// Goes on as far as possible without waiting. An MPI error code; `done` says whether all is complete.
  int advance(bool& done);

 private:
  std::size_t share(int rank) const { return bounds_[rank + 1] - bounds_[rank]; }
  const char* at(std::size_t element) const { return all_ + element * bytes_of(type_); }
  char* arrived(std::size_t lane, std::size_t peer);
  int post(std::size_t piece);
  void add_up(std::size_t piece);

  MPI_Comm comm_;
  int rank_, size_, tag_;
  const char* all_;
  NumberType type_;
  MPI_Datatype mpi_type_;
  float* sum_;
  std::vector<std::size_t> bounds_;
  std::size_t count_, room_, pieces_, posted_ = 0, summed_ = 0;
  std::vector<MPI_Request> sends_, receives_;  // receives_: [pieces in flight][peers]
  std::vector<char> arrived_;                  // [pieces in flight][peers][numbers of a piece]
  std::vector<float> own_;                     // this rank's piece, where the sum is written over it
  int fault_ = MPI_SUCCESS;
};

}  // namespace anneal
