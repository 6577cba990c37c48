#include "parallel/mpi_reduce_scatter.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace anneal {

namespace {
constexpr std::size_t kPiece = 1 << 17;  // elements: 512 KiB stay in cache until they are added
constexpr std::size_t kInFlight = 2;

std::size_t pieces_of(std::size_t count) { return (count + kPiece - 1) / kPiece; }
std::size_t piece_size(std::size_t count, std::size_t piece) {
  return std::min(kPiece, count - piece * kPiece);
}
}  // namespace

MpiReduceScatter::MpiReduceScatter(MPI_Comm comm, int rank, int size, const void* all, NumberType type,
                                   float* sum, std::vector<std::size_t> bounds, int tag)
    : comm_(comm),
      rank_(rank),
      size_(size),
      tag_(tag),
      all_(static_cast<const char*>(all)),
      type_(type),
      mpi_type_(type == NumberType::kFp32 ? MPI_FLOAT : MPI_UINT16_T),
      sum_(sum),
      bounds_(std::move(bounds)),
      count_(share(rank)),
      room_(std::min(count_, kPiece)),
      pieces_(pieces_of(count_)) {
  const auto peers = static_cast<std::size_t>(size - 1);
  receives_.assign(kInFlight * peers, MPI_REQUEST_NULL);
  arrived_.resize(kInFlight * peers * room_ * bytes_of(type));
  if (static_cast<const void*>(sum) == at(bounds_[rank])) own_.resize(room_);
  for (; posted_ < std::min(kInFlight, pieces_) && fault_ == MPI_SUCCESS; ++posted_) {
    fault_ = post(posted_);
  }
  std::size_t most = 0;
  for (int r = 0; r < size; ++r) most = std::max(most, pieces_of(share(r)));
  for (std::size_t p = 0; p < most; ++p) {
    // Each rank begins with the next one, so that not all send to the same.
    for (int i = 1; i < size && fault_ == MPI_SUCCESS; ++i) {
      const int to = (rank + i) % size;
      if (p >= pieces_of(share(to))) continue;
      sends_.push_back(MPI_REQUEST_NULL);
      fault_ = MPI_Isend(at(bounds_[to] + p * kPiece), static_cast<int>(piece_size(share(to), p)),
                         mpi_type_, to, tag, comm, &sends_.back());
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

char* MpiReduceScatter::arrived(std::size_t lane, std::size_t peer) {
  const auto peers = static_cast<std::size_t>(size_ - 1);
  return arrived_.data() + (lane * peers + peer) * room_ * bytes_of(type_);
}

int MpiReduceScatter::post(std::size_t piece) {
  const auto peers = static_cast<std::size_t>(size_ - 1), lane = piece % kInFlight;
  for (std::size_t i = 0; i < peers; ++i) {
    const int from = static_cast<int>(i) < rank_ ? static_cast<int>(i) : static_cast<int>(i) + 1;
    const int code = MPI_Irecv(arrived(lane, i), static_cast<int>(piece_size(count_, piece)), mpi_type_,
                               from, tag_, comm_, &receives_[lane * peers + i]);
    if (code != MPI_SUCCESS) return code;
  }
  return MPI_SUCCESS;
}

void MpiReduceScatter::add_up(std::size_t piece) {
  const std::size_t n = piece_size(count_, piece), lane = piece % kInFlight;
  float* to = sum_ + piece * kPiece;
  const void* own = at(bounds_[rank_] + piece * kPiece);
  if (!own_.empty()) {
    std::memcpy(own_.data(), own, n * sizeof(float));
    own = own_.data();
  }
  for (int r = 0; r < size_; ++r) {
    const void* from = r == rank_ ? own : arrived(lane, static_cast<std::size_t>(r < rank_ ? r : r - 1));
    if (r == 0) {
      take</*kAdd=*/false>(type_, from, to, n);
    } else {
      take</*kAdd=*/true>(type_, from, to, n);
    }
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
