#include "data/token_spool.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"

namespace anneal {

namespace {
constexpr TokenId kNoLossBit = TokenId{1} << 30;  // beyond any vocabulary
constexpr std::size_t kBufferTokens = 1 << 18;
}  // namespace

TokenSpool::TokenSpool(const std::filesystem::path& folder) : folder_(folder) {
  std::string pattern = (folder / "spool.tmp-anneal-XXXXXX").string();
  file_ = ::mkostemp(pattern.data(), 02000000 /*O_CLOEXEC*/);
  if (file_ < 0) throw DataError(fmt::format("cannot create a file in {}: {}", folder.string(), std::strerror(errno)));
  ::unlink(pattern.c_str());
}

TokenSpool::~TokenSpool() {
  if (map_) ::munmap(const_cast<TokenId*>(map_), static_cast<std::size_t>(num_tokens()) * sizeof(TokenId));
  if (file_ >= 0) ::close(file_);
}

void TokenSpool::add(std::span<const TokenId> tokens, std::span<const std::uint8_t> loss, std::uint64_t hash,
                     bool whole) {
  for (std::size_t i = 0; i < tokens.size(); ++i) buffer_.push_back(loss[i] ? tokens[i] : tokens[i] | kNoLossBit);
  offsets_.push_back(offsets_.back() + tokens.size());
  hashes_.push_back(hash);
  whole_.push_back(whole);
  if (buffer_.size() >= kBufferTokens) flush();
}

void TokenSpool::flush() {
  const char* at = reinterpret_cast<const char*>(buffer_.data());
  std::size_t left = buffer_.size() * sizeof(TokenId);
  while (left > 0) {
    const ssize_t written = ::write(file_, at, left);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      throw DataError(fmt::format("cannot write tokens into {}: {}", folder_.string(), std::strerror(errno)),
                      errno == ENOSPC ? "the disk is full: free some space, or set data.shards to another folder" : "");
    }
    at += written;
    left -= static_cast<std::size_t>(written);
  }
  buffer_.clear();
}

void TokenSpool::seal() {
  flush();
  buffer_.shrink_to_fit();
  if (num_tokens() == 0) return;
  void* map = ::mmap(nullptr, static_cast<std::size_t>(num_tokens()) * sizeof(TokenId), PROT_READ, MAP_SHARED, file_, 0);
  if (map == MAP_FAILED) throw DataError(fmt::format("cannot map the tokens in {}: {}", folder_.string(), std::strerror(errno)));
  map_ = static_cast<const TokenId*>(map);
}

void TokenSpool::read(std::size_t document, std::int64_t start, std::int64_t length, std::vector<TokenId>& tokens,
                      std::vector<std::uint8_t>& loss) const {
  const TokenId* at = map_ + offsets_[document] + start;
  for (std::int64_t i = 0; i < length; ++i) {
    tokens.push_back(at[i] & ~kNoLossBit);
    loss.push_back((at[i] & kNoLossBit) == 0);
  }
}

}  // namespace anneal
