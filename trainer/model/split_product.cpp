#include "trainer/model/split_product.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)  // clang ignores the pragma below

#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

#include <fmt/format.h>

#include "base/error.h"

namespace anneal {

namespace {

constexpr std::int64_t kTile = 16;          // rows of a tile; columns of a tile of the result
constexpr std::int64_t kStep = 32;          // inner numbers that one tile product takes
constexpr std::int64_t kPanel = 2 * kTile;  // rows of a, columns of b, that stand in tiles at once
constexpr std::int64_t kPlanes = 3;         // bf16 numbers that a float is cut into

// A packed panel: [step][plane][half of the panel][16 rows][32 numbers].
constexpr std::int64_t kTileNumbers = kTile * kStep;
constexpr std::int64_t kPlaneNumbers = 2 * kTileNumbers;
constexpr std::int64_t kStepNumbers = kPlanes * kPlaneNumbers;

// A panel of a (96 KiB at most) and the packed part of b (1.2 MiB at most) stay in the second-level
// cache; from 512 inner numbers on, adding blocks up costs little beside making them.
constexpr std::int64_t kMostInner = 512;
constexpr std::int64_t kMostNumbersOfB = 384 * kMostInner;

std::int64_t round_up(std::int64_t x, std::int64_t unit) { return (x + unit - 1) / unit * unit; }

/// `total` cut into even parts of at most `most`: their size.
std::int64_t part(std::int64_t total, std::int64_t most) {
  const std::int64_t parts = (total + most - 1) / most;
  return round_up((total + parts - 1) / parts, kPanel);
}

bool processor_has_tiles() {
  constexpr unsigned kAvx512f = 1u << 16, kAvx512dq = 1u << 17, kAvx512bw = 1u << 30, kAvx512vl = 1u << 31;
  constexpr unsigned kAmxBf16 = 1u << 22, kAmxTile = 1u << 24;
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return false;
  const unsigned vectors = kAvx512f | kAvx512dq | kAvx512bw | kAvx512vl, tiles = kAmxBf16 | kAmxTile;
  return (ebx & vectors) == vectors && (edx & tiles) == tiles;
}

/// Linux (5.16 on) gives the tile registers to processes that ask.
bool ask_for_tiles() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, asm/prctl.h
  const char* set = std::getenv("ANNEAL_TILE_UNITS");
  const std::string_view wish = set ? set : "on";
  if (wish == "off") return false;
  if (wish != "on") {
    throw UsageError(fmt::format("the environment has ANNEAL_TILE_UNITS={}", wish), "say on or off");
  }
  return processor_has_tiles() && ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

/// Memory that a thread keeps from product to product, aligned as tiles are loaded fastest.
class Packed {
 public:
  std::int16_t* of(std::int64_t numbers) {
    if (size_ < numbers) {
      data_.reset(new (std::align_val_t(64)) std::int16_t[static_cast<std::size_t>(numbers)]);
      size_ = numbers;
    }
    return data_.get();
  }

 private:
  struct Free {
    void operator()(std::int16_t* p) const { ::operator delete[](p, std::align_val_t(64)); }
  };
  std::unique_ptr<std::int16_t[], Free> data_;
  std::int64_t size_ = 0;
};

/// What LDTILECFG reads.
struct alignas(64) TileConfig {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

/// Numbers of the inner dimension, and columns of b, that are packed at once.
struct Packing {
  std::int64_t inner, columns;
};
Packing packing(std::int64_t n, std::int64_t k) {
  const std::int64_t inner = part(k, kMostInner);
  return {inner, part(n, kMostNumbersOfB / inner)};
}

}  // namespace

std::int64_t split_product_packs(std::int64_t m, std::int64_t n, std::int64_t k) {
  const std::int64_t columns = packing(n, k).columns;
  return n + (n + columns - 1) / columns * m;
}

bool has_split_product() {
  static const bool has = ask_for_tiles();
  return has;
}

}  // namespace anneal

// Below: instructions that the build's target need not have; has_split_product() guards them.
#pragma GCC push_options
#pragma GCC target("amx-tile,amx-bf16,avx512f,avx512dq,avx512bw,avx512vl,fma")

namespace anneal {

namespace {

/// (x >> 16) | (y & 0xffff0000): the leading bf16 of x and of y as pairs.
inline __m512i pairs(__m512 x, __m512 y) {
  const __m512i mask = _mm512_set1_epi32(static_cast<int>(0xffff0000u));
  return _mm512_ternarylogic_epi32(_mm512_srli_epi32(_mm512_castps_si512(x), 16), _mm512_castps_si512(y),
                                   mask, 0xf8);
}

/// x without its leading bf16, exactly.
inline __m512 rest(__m512 x) {
  const __m512i mask = _mm512_set1_epi32(static_cast<int>(0xffff0000u));
  return _mm512_sub_ps(x, _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(x), mask)));
}

/// A row of each plane's tile: 16 pairs.
inline void store_cut(__m512 x, __m512 y, std::int16_t* row) {
  for (std::int64_t plane = 0; plane < kPlanes; ++plane) {
    _mm512_store_si512(row + plane * kPlaneNumbers, pairs(x, y));
    x = rest(x);
    y = rest(y);
  }
}

inline __mmask16 lanes(std::int64_t count) {
  return static_cast<__mmask16>(count >= 16 ? 0xffff : count <= 0 ? 0 : (1u << count) - 1);
}

/// 16 x 16 floats: rows become columns.
[[gnu::always_inline]] inline void transpose(__m512 (&r)[16]) {
  __m512 t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    for (int j = 0; j < 2; ++j) {
      const __m512d low = _mm512_castps_pd(t[i + j]), high = _mm512_castps_pd(t[i + j + 2]);
      r[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
      r[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
    }
  }
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0xdd);
  }
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
    r[i + 4] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0x88);
    r[i + 12] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

/// A factor's tile is either [outer 16][pairs 16] (of a: outer numbers are its rows) or [pairs 16][outer
/// 16] (of b: its columns). Inner numbers i and i + 16 of a step make pair i: none have to be moved then.
enum class Factor { kA, kB };

/// Cuts and packs a step of half a panel: 16 outer by 32 inner numbers from `x` on, or the first `outer` and
/// `inner` of them and zeros. `inner_together`: an outer number's inner ones lie together in memory; otherwise
/// an inner number's outer ones do.
template <Factor kFactor, bool inner_together>
inline void pack_tile(const float* x, std::int64_t stride, std::int64_t outer, std::int64_t inner,
                      std::int16_t* tile) {
  // Vector i of 16: inner numbers 16 half + (0 to 15) of outer number i, or outer numbers of inner number
  // 16 half + i.
  const auto load = [&](std::int64_t i, std::int64_t half) {
    const float* from = x + (inner_together ? i * stride + 16 * half : (16 * half + i) * stride);
    if (i >= (inner_together ? outer : inner - 16 * half)) return _mm512_setzero_ps();
    return _mm512_maskz_loadu_ps(lanes(inner_together ? inner - 16 * half : outer), from);
  };
  constexpr bool kMove = inner_together != (kFactor == Factor::kA);
  if constexpr (kMove) {
    __m512 low[16], high[16];
    for (std::int64_t i = 0; i < kTile; ++i) low[i] = load(i, 0);
    transpose(low);
    for (std::int64_t i = 0; i < kTile; ++i) high[i] = load(i, 1);
    transpose(high);
    for (std::int64_t i = 0; i < kTile; ++i) store_cut(low[i], high[i], tile + i * kStep);
  } else {
    for (std::int64_t i = 0; i < kTile; ++i) store_cut(load(i, 0), load(i, 1), tile + i * kStep);
  }
}

/// Cuts and packs `outer` rows or columns of a factor by `inner` numbers.
template <Factor kFactor, bool inner_together>
void pack(const float* x, std::int64_t stride, std::int64_t outer, std::int64_t inner, std::int16_t* to) {
  const std::int64_t steps = (inner + kStep - 1) / kStep;
  for (std::int64_t first = 0; first < round_up(outer, kPanel); first += kTile) {
    std::int16_t* tile = to + first / kPanel * steps * kStepNumbers + first / kTile % 2 * kTileNumbers;
    for (std::int64_t k = 0; k < inner; k += kStep, tile += kStepNumbers) {
      const float* from = x + (inner_together ? first * stride + k : k * stride + first);
      pack_tile<kFactor, inner_together>(from, stride, outer - first, inner - k, tile);
    }
  }
}

template <Factor kFactor>
void pack(MatrixView<const float> x, std::int64_t first_outer, std::int64_t outer, std::int64_t first_inner,
          std::int64_t inner, std::int16_t* to) {
  if (x.transposed == (kFactor == Factor::kB)) {
    pack<kFactor, true>(x.data + first_outer * x.stride + first_inner, x.stride, outer, inner, to);
  } else {
    pack<kFactor, false>(x.data + first_inner * x.stride + first_outer, x.stride, outer, inner, to);
  }
}

/// Tiles 4 and 5: a plane of a step of a; 6 and 7: of b.
#define ANNEAL_LOAD_A(plane)                                   \
  _tile_loadd(4, pa + (plane) * kPlaneNumbers, 64);            \
  _tile_loadd(5, pa + (plane) * kPlaneNumbers + kTileNumbers, 64)
#define ANNEAL_LOAD_B(plane)                                   \
  _tile_loadd(6, pb + (plane) * kPlaneNumbers, 64);            \
  _tile_loadd(7, pb + (plane) * kPlaneNumbers + kTileNumbers, 64)
#define ANNEAL_MULTIPLY()  \
  _tile_dpbf16ps(0, 4, 6); \
  _tile_dpbf16ps(2, 5, 6); \
  _tile_dpbf16ps(1, 4, 7); \
  _tile_dpbf16ps(3, 5, 7)
/// Asks for a sixth of the next step of both. (A function would be dropped: g++ sees no effect in it.)
#define ANNEAL_PREFETCH(sixth)                                                       \
  for (std::int64_t i = (sixth) * kPrefetch; i < ((sixth) + 1) * kPrefetch; i += 32) { \
    _mm_prefetch(reinterpret_cast<const char*>(pa + kStepNumbers + i), _MM_HINT_T0); \
    _mm_prefetch(reinterpret_cast<const char*>(pb + kStepNumbers + i), _MM_HINT_T0); \
  }

/// 32 x 32 numbers of the result, tiles 0 to 3, from a panel of a and one of b. The panels come from the
/// second-level cache, the result's place from memory: asking ahead pays most while another tenant's thread
/// shares the core.
inline void panel_product(const std::int16_t* a, const std::int16_t* b, std::int64_t steps, float* c,
                          std::int64_t c_stride) {
  asm volatile("" ::: "memory");  // nor does it know what _tile_loadd reads
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  const std::int16_t *pa = a, *pb = b;
  constexpr std::int64_t kPrefetch = kStepNumbers / 6;
  for (std::int64_t s = 0; s < steps; ++s, pa += kStepNumbers, pb += kStepNumbers) {
    for (std::int64_t row = 2 * s; row < std::min(2 * s + 2, kPanel); ++row) {
      __builtin_prefetch(c + row * c_stride, 1);
      __builtin_prefetch(c + row * c_stride + kTile, 1);
    }
    ANNEAL_LOAD_A(0);
    ANNEAL_LOAD_B(2);
    ANNEAL_PREFETCH(0);
    ANNEAL_MULTIPLY();
    ANNEAL_LOAD_B(1);
    ANNEAL_PREFETCH(1);
    ANNEAL_MULTIPLY();
    ANNEAL_PREFETCH(2);
    ANNEAL_LOAD_A(1);
    ANNEAL_MULTIPLY();
    ANNEAL_PREFETCH(3);
    ANNEAL_LOAD_B(0);
    ANNEAL_MULTIPLY();
    ANNEAL_PREFETCH(4);
    ANNEAL_LOAD_A(2);
    ANNEAL_PREFETCH(5);
    ANNEAL_MULTIPLY();
  }
  pa = a;
  pb = b;
  for (std::int64_t s = 0; s < steps; ++s, pa += kStepNumbers, pb += kStepNumbers) {
    ANNEAL_LOAD_A(0);
    ANNEAL_LOAD_B(0);
    ANNEAL_MULTIPLY();
  }
  const std::int64_t row_bytes = c_stride * static_cast<std::int64_t>(sizeof(float));
  _tile_stored(0, c, row_bytes);
  _tile_stored(1, c + kTile, row_bytes);
  _tile_stored(2, c + kTile * c_stride, row_bytes);
  _tile_stored(3, c + kTile * c_stride + kTile, row_bytes);
}

#undef ANNEAL_LOAD_A
#undef ANNEAL_LOAD_B
#undef ANNEAL_MULTIPLY
#undef ANNEAL_PREFETCH

/// c = block + factor c for the part of a 32 x 32 block that c has.
inline void add_block(const float* block, float factor, float* c, std::int64_t stride, std::int64_t rows,
                      std::int64_t columns) {
  const __mmask16 mask[2] = {lanes(columns), lanes(columns - kTile)};
  const __m512 factors = _mm512_set1_ps(factor);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (int half = 0; half < 2; ++half) {
      float* to = c + i * stride + half * kTile;
      __m512 x = _mm512_load_ps(block + i * kPanel + half * kTile);
      // A factor of zero means that c may hold anything.
      if (factor != 0) x = _mm512_fmadd_ps(factors, _mm512_maskz_loadu_ps(mask[half], to), x);
      _mm512_mask_storeu_ps(to, mask[half], x);
    }
  }
}

}  // namespace

void split_product(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView<const float> a,
                   MatrixView<const float> b, float beta, MatrixView<float> c) {
  static thread_local Packed space_a, space_b;
  const auto [inner, columns] = packing(n, k);
  std::int16_t* const packed_a = space_a.of(kPanel * inner * kPlanes);
  std::int16_t* const packed_b = space_b.of(columns * inner * kPlanes);
  alignas(64) float block[kPanel * kPanel];
  const TileConfig config;
  asm volatile("" ::: "memory");  // g++ thinks that it reads 8 bytes: all 64 must be in memory
  _tile_loadconfig(&config);
  for (std::int64_t first_k = 0; first_k < k; first_k += inner) {
    const std::int64_t depth = std::min(inner, k - first_k), steps = (depth + kStep - 1) / kStep;
    const float factor = first_k == 0 ? beta : 1;
    for (std::int64_t first_column = 0; first_column < n; first_column += columns) {
      const std::int64_t width = std::min(columns, n - first_column);
      pack<Factor::kB>(b, first_column, width, first_k, depth, packed_b);
      for (std::int64_t i = 0; i < m; i += kPanel) {
        const std::int64_t height = std::min(kPanel, m - i);
        pack<Factor::kA>(a, i, height, first_k, depth, packed_a);
        for (std::int64_t j = 0; j < width; j += kPanel) {
          const std::int16_t* panel_b = packed_b + j / kPanel * steps * kStepNumbers;
          float* to = c.data + i * c.stride + first_column + j;
          if (factor == 0 && height == kPanel && j + kPanel <= width) {
            panel_product(packed_a, panel_b, steps, to, c.stride);
          } else {
            panel_product(packed_a, panel_b, steps, block, kPanel);
            add_block(block, factor, to, c.stride, height, std::min(kPanel, width - j));
          }
        }
      }
    }
  }
  _tile_release();
}

}  // namespace anneal

#pragma GCC pop_options

#else

namespace anneal {

bool has_split_product() { return false; }
std::int64_t split_product_packs(std::int64_t, std::int64_t, std::int64_t) { return 0; }
void split_product(std::int64_t, std::int64_t, std::int64_t, MatrixView<const float>, MatrixView<const float>, float,
                   MatrixView<float>) {}

}  // namespace anneal

#endif
