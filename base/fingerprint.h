// 128-bit content fingerprints (XXH3, Collet 2019), written as 32 hexadecimal digits.
// They detect change and damage; they are not a defence against an adversary.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace anneal {

/// Fingerprint of bytes.
std::string fingerprint(std::string_view bytes);

/// Fingerprint of a file's content, streamed. Throws DataError.
std::string fingerprint_file(const std::filesystem::path& path);

/// 64-bit hash of bytes under a seed.
std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0);

/// Fingerprint of a sequence of pieces (the pieces' borders do not matter).
class Fingerprinter {
 public:
  Fingerprinter();
  ~Fingerprinter();
  Fingerprinter(const Fingerprinter&) = delete;
  Fingerprinter& operator=(const Fingerprinter&) = delete;
  void add(const void* bytes, std::size_t size);
  void add(std::string_view bytes) { add(bytes.data(), bytes.size()); }
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace anneal
