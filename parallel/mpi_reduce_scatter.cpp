#include "parallel/mpi_reduce_scatter.h"

#include <algorithm>
#include <cstring>

namespace anneal {

namespace {
constexpr std::size_t kPiece = 1 << 17;  // elements: 512 KiB stay in cache until they are added
constexpr std::size_t kInFlight = 2;
}  // namespace

MpiReduceScatter::MpiReduceScatter(MPI_Comm comm, int rank, int size, const float* all, float* slice,
                                   std::size_t count, int tag)
    : comm_(comm),
      rank_(rank),
      size_(size),
      tag_(tag),
      all_(all),
      slice_(slice),
      count_(count),
      pieces_((count + kPiece - 1) / kPiece) {
  const auto peers = static_cast<std::size_t>(size - 1);
  receives_.assign(kInFlight * peers, MPI_REQUEST_NULL);
  arrived_.resize(kInFlight * peers * std::min(count, kPiece));
  for (; posted_ < std::min(kInFlight, pieces_) && fault_ == MPI_SUCCESS; ++posted_) fault_ = post(posted_);
  for (std::size_t p = 0; p < pieces_; ++p) {
    // Each rank begins with the next one, so that not all send to the same.
    for (int i = 1; i < size && fault_ == MPI_SUCCESS; ++i) {
      const int to = (rank + i) % size;
      sends_.push_back(MPI_REQUEST_NULL);
      fault_ = MPI_Isend(all + static_cast<std::size_t>(to) * count + piece_begin(p),
                         static_cast<int>(piece_size(p)), MPI_FLOAT, to, tag, comm, &sends_.back());
    }
  }
}

MpiReduceScatter::~MpiReduceScatter() {
  for (auto* requests : {&sends_, &receives_}) {
    for (auto& request : *requests) {
      if (request != MPI_REQUEST_NULL) MPI_Request_free(&request);
    }
  }
}

std::size_t MpiReduceScatter::piece_begin(std::size_t piece) const { return piece * kPiece; }
std::size_t MpiReduceScatter::piece_size(std::size_t piece) const {
  return std::min(kPiece, count_ - piece_begin(piece));
}

int MpiReduceScatter::post(std::size_t piece) {
  const auto peers = static_cast<std::size_t>(size_ - 1), lane = piece % kInFlight;
  for (std::size_t i = 0; i < peers; ++i) {
    const int from = static_cast<int>(i) < rank_ ? static_cast<int>(i) : static_cast<int>(i) + 1;
    const int code = MPI_Irecv(arrived_.data() + (lane * peers + i) * std::min(count_, kPiece),
                               static_cast<int>(piece_size(piece)), MPI_FLOAT, from, tag_, comm_,
                               &receives_[lane * peers + i]);
    if (code != MPI_SUCCESS) return code;
  }
  return MPI_SUCCESS;
}

void MpiReduceScatter::add_up(std::size_t piece) {
  const auto peers = static_cast<std::size_t>(size_ - 1), lane = piece % kInFlight;
  const std::size_t n = piece_size(piece);
  float* to = slice_ + piece_begin(piece);
  const float* own = all_ + static_cast<std::size_t>(rank_) * count_ + piece_begin(piece);
  for (int r = 0; r < size_; ++r) {
    const auto peer = static_cast<std::size_t>(r < rank_ ? r : r - 1);
    const float* from =
        r == rank_ ? own : arrived_.data() + (lane * peers + peer) * std::min(count_, kPiece);
    if (r == 0) {
      std::memcpy(to, from, n * sizeof(float));
      continue;
    }
#pragma omp simd
    for (std::size_t i = 0; i < n; ++i) to[i] += from[i];
  }
}

int MpiReduceScatter::advance(bool& done) {
  done = false;
  const int peers = size_ - 1;
  while (fault_ == MPI_SUCCESS && summed_ < pieces_) {
    int arrived = 0;
    fault_ = MPI_Testall(peers, receives_.data() + (summed_ % kInFlight) * static_cast<std::size_t>(peers),
                         &arrived, MPI_STATUSES_IGNORE);
    if (fault_ != MPI_SUCCESS || !arrived) return fault_;
    add_up(summed_++);
    if (posted_ < pieces_) fault_ = post(posted_++);
  }
  if (fault_ != MPI_SUCCESS) return fault_;
  int sent = 0;
  fault_ = MPI_Testall(static_cast<int>(sends_.size()), sends_.data(), &sent, MPI_STATUSES_IGNORE);
  done = sent != 0;
  return fault_;
}

}  // namespace anneal
