#include "trainer/tensorboard.h"

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include <unistd.h>

#include "base/error.h"
#include "base/files.h"

namespace anneal {
namespace {

double now_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

template <class T>
void append_little_endian(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

/// Protobuf wire types: 0 varint, 1 64-bit, 2 length-delimited, 5 32-bit.
void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void append_tag(std::string& out, int field, int wire_type) {
  append_varint(out, static_cast<std::uint64_t>(field << 3 | wire_type));
}

void append_bytes(std::string& out, int field, std::string_view bytes) {
  append_tag(out, field, 2);
  append_varint(out, bytes.size());
  out += bytes;
}

void append_double(std::string& out, int field, double value) {
  append_tag(out, field, 1);
  append_little_endian(out, std::bit_cast<std::uint64_t>(value));
}

/// The checksum that TFRecord stores: rotated and shifted, so that it is none of its own bytes.
std::uint32_t masked_crc(std::string_view bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      t[i] = i;
      for (int bit = 0; bit < 8; ++bit) t[i] = t[i] >> 1 ^ (t[i] & 1 ? 0x82f63b78u : 0);
    }
    return t;
  }();
  std::uint32_t crc = 0xffffffffu;
  for (const char c : bytes) crc = table[(crc ^ static_cast<unsigned char>(c)) & 0xff] ^ crc >> 8;
  return ~crc;
}

TensorBoardWriter::TensorBoardWriter(const std::filesystem::path& folder) {
  make_folders(folder);
  // Writers of one process within a second must not share a file.
  static std::atomic<int> count{0};
  char host[256] = "localhost";
  ::gethostname(host, sizeof host - 1);
  path_ = folder / fmt::format("events.out.tfevents.{:010d}.{}.{}.{}", static_cast<std::int64_t>(now_s()), host,
                               ::getpid(), count++);
  file_ = std::fopen(path_.c_str(), "wbx");
  if (!file_) {
    throw DataError(fmt::format("cannot create {}: {}", path_.string(), std::strerror(errno)));
  }
  std::string event;
  append_double(event, 1, now_s());            // wall_time
  append_bytes(event, 3, "brain.Event:2");     // file_version
  write_record(event);
  flush();
}

TensorBoardWriter::~TensorBoardWriter() { close(); }

TensorBoardWriter::TensorBoardWriter(TensorBoardWriter&& other) noexcept
    : path_(std::move(other.path_)), file_(std::exchange(other.file_, nullptr)) {}

TensorBoardWriter& TensorBoardWriter::operator=(TensorBoardWriter&& other) noexcept {
  if (this != &other) {
    close();
    path_ = std::move(other.path_);
    file_ = std::exchange(other.file_, nullptr);
  }
  return *this;
}

void TensorBoardWriter::scalar(std::string_view tag, std::int64_t step, double value, double wall_time_s) {
  std::string point;  // Summary.Value
  append_bytes(point, 1, tag);
  append_tag(point, 2, 5);  // simple_value
  append_little_endian(point, std::bit_cast<std::uint32_t>(static_cast<float>(value)));
  std::string summary;
  append_bytes(summary, 1, point);
  std::string event;
  append_double(event, 1, wall_time_s > 0 ? wall_time_s : now_s());
  if (step != 0) {  // proto3 leaves zeros out
    append_tag(event, 2, 0);
    append_varint(event, static_cast<std::uint64_t>(step));
  }
  append_bytes(event, 5, summary);
  write_record(event);
}

void TensorBoardWriter::write_record(const std::string& message) {
  std::string record;
  append_little_endian(record, static_cast<std::uint64_t>(message.size()));
  append_little_endian(record, masked_crc(record));
  record += message;
  append_little_endian(record, masked_crc(message));
  if (std::fwrite(record.data(), 1, record.size(), file_) != record.size()) {
    throw DataError(fmt::format("cannot write {}: {}", path_.string(), std::strerror(errno)));
  }
}

void TensorBoardWriter::flush() {
  if (std::fflush(file_) != 0) {
    throw DataError(fmt::format("cannot write {}: {}", path_.string(), std::strerror(errno)));
  }
}

void TensorBoardWriter::close() {
  if (file_) std::fclose(file_);
  file_ = nullptr;
}

}  // namespace anneal
