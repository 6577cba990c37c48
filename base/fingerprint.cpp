#include "base/fingerprint.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

#include <fmt/core.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/error.h"

namespace anneal {

namespace {
std::string to_hex(XXH128_hash_t hash) { return fmt::format("{:016x}{:016x}", hash.high64, hash.low64); }
}  // namespace

std::string fingerprint(std::string_view bytes) {
  return to_hex(XXH3_128bits(bytes.data(), bytes.size()));
}

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

struct Fingerprinter::State {
  XXH3_state_t* xxh = XXH3_createState();
  ~State() { XXH3_freeState(xxh); }
};

Fingerprinter::Fingerprinter() : state_(std::make_unique<State>()) {
  XXH3_128bits_reset(state_->xxh);
}
Fingerprinter::~Fingerprinter() = default;

void Fingerprinter::add(const void* bytes, std::size_t size) {
  XXH3_128bits_update(state_->xxh, bytes, size);
}

std::string Fingerprinter::hex() const { return to_hex(XXH3_128bits_digest(state_->xxh)); }

std::string fingerprint_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    throw DataError(fmt::format("cannot open {}: {}", path.string(), std::strerror(errno)));
  }
  Fingerprinter hash;
  std::vector<char> block(1 << 20);
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0) {
    hash.add(block.data(), static_cast<std::size_t>(in.gcount()));
  }
  return hash.hex();
}

}  // namespace anneal
