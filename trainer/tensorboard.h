// TensorBoard event files, written by hand: TFRecord framing (length, masked CRC-32C, bytes, masked
// CRC-32C) around `Event` protobuf messages (tensorflow/core/util/event.proto). Scalars only.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

namespace anneal {

/// One event file in a folder that `tensorboard --logdir` reads. Move-only; closes when destroyed.
/// A resumed run opens a further file beside the first: TensorBoard joins them by step.
class TensorBoardWriter {
 public:
  /// Creates <folder>/events.out.tfevents.<time>.<host>.<process>.<count>. Throws DataError.
  explicit TensorBoardWriter(const std::filesystem::path& folder);
  ~TensorBoardWriter();
  TensorBoardWriter(TensorBoardWriter&& other) noexcept;
  TensorBoardWriter& operator=(TensorBoardWriter&& other) noexcept;

  /// Adds a point; `wall_time_s` is seconds since 1970, 0 = now. Throws DataError (disk full).
  void scalar(std::string_view tag, std::int64_t step, double value, double wall_time_s = 0);
  /// Hands what was written to the system, so that a running TensorBoard sees it. Throws DataError.
  void flush();
  const std::filesystem::path& path() const { return path_; }

 private:
  void write_record(const std::string& message);
  void close();
  std::filesystem::path path_;
  std::FILE* file_ = nullptr;
};

/// CRC-32C (Castagnoli polynomial, RFC 3720 appendix B.4).
std::uint32_t crc32c(std::string_view bytes);

}  // namespace anneal
