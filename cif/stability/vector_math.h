// Short vectors of floats, elementary functions on them, and products with small matrices whose
// weights are packed once: what a network with layers of 64 features needs. GCC's vector extension:
// 512 bits where the processor has them, else 256 (GCC splits them where it has less).
#pragma once

#include <cstdint>
#include <cstring>
#include <new>
#include <vector>

namespace anneal::vec {

#ifdef __AVX512F__
inline constexpr int kLanes = 16;
#else
inline constexpr int kLanes = 8;
#endif

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef std::int32_t IntVec __attribute__((vector_size(kLanes * 4)));
typedef double DoubleVec __attribute__((vector_size(kLanes * 8)));

inline Vec get(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }
inline Vec splat(float x) { return x - Vec{}; }
inline void add_to(float* p, Vec v) { store(p, get(p) + v); }

/// Adds to sums in double precision.
inline void add_to(double* p, Vec v) {
  DoubleVec total;
  std::memcpy(&total, p, sizeof total);
  total += __builtin_convertvector(v, DoubleVec);
  std::memcpy(p, &total, sizeof total);
}

inline float sum(Vec v) {
  float lane[kLanes];
  store(lane, v);
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
  }
  return lane[0];
}

/// Nearest whole number, for |x| below 2^22.
inline Vec round(Vec x) {
  const Vec big = splat(12582912.0f);  // 1.5 * 2^23: sums with it have no fraction bits left
  return (x + big) - big;              // (this file is never compiled with -ffast-math)
}

/// e^x to about 1 ulp; arguments are clamped to [-87, 88].
inline Vec exp(Vec x) {
  const Vec low = splat(-87.0f), high = splat(88.0f);
  x = x < low ? low : x;
  x = x > high ? high : x;
  const Vec n = round(x * 1.44269504088896341f);
  Vec r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  // Cephes expf (Moshier): minimax on [-ln 2 / 2, ln 2 / 2]
  Vec p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const IntVec exponent = (__builtin_convertvector(n, IntVec) + 127) << 23;
  Vec scale;
  std::memcpy(&scale, &exponent, sizeof scale);
  return p * scale;
}

inline Vec sigmoid(Vec x) { return 1.0f / (1.0f + exp(-x)); }

/// sin and cos of frequency * x to about 1e-7 for products below 1e6. The product and its reduction
/// are in double precision: in single, a phase of 100 would already be off by 4e-6.
inline void sincos(Vec frequency, double x, Vec& sine, Vec& cosine) {
  constexpr double kBig =
      6755399441055744.0;  // 1.5 * 2^52: sums with it have no fraction bits left
  const DoubleVec phase = __builtin_convertvector(frequency, DoubleVec) * x;
  const DoubleVec n = (phase * 0.63661977236758134308 + kBig) - kBig;
  const Vec r = __builtin_convertvector(phase - n * 1.57079632679489661923, Vec);
  const Vec z = r * r;
  // Cephes polynomials (Moshier) on [-pi/4, pi/4]
  Vec s = splat(-1.9515295891e-4f);
  s = s * z + 8.3321608736e-3f;
  s = s * z - 1.6666654611e-1f;
  s = s * z * r + r;
  Vec c = splat(2.443315711809948e-5f);
  c = c * z - 1.388731625493765e-3f;
  c = c * z + 4.166664568298827e-2f;
  c = c * z * z - 0.5f * z + 1.0f;
  const IntVec quadrant = __builtin_convertvector(n, IntVec) & 3;
  const IntVec swapped = (quadrant & 1) != 0;
  sine = swapped ? c : s;
  cosine = swapped ? s : c;
  sine = (quadrant & 2) != 0 ? -sine : sine;
  cosine = ((quadrant + 1) & 2) != 0 ? -cosine : cosine;
}

/// A vector of floats on a cache line's border that keeps its memory when it shrinks.
template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t n) {
    return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(64)));
  }
  void deallocate(T* p, std::size_t) { ::operator delete(p, std::align_val_t(64)); }
  template <class U>
  bool operator==(const AlignedAllocator<U>&) const {
    return true;
  }
  /// Elements without a value are left as they are: buffers are written before they are read.
  template <class U>
  void construct(U* p) {
    ::new (static_cast<void*>(p)) U;
  }
  template <class U, class... Args>
  void construct(U* p, Args&&... args) {
    ::new (static_cast<void*>(p)) U(std::forward<Args>(args)...);
  }
};
using Floats = std::vector<float, AlignedAllocator<float>>;

/// A matrix [depth, width] (width a multiple of 32), stored in panels of two vectors' width.
class PackedMatrix {
 public:
  PackedMatrix() = default;
  /// `value(k, n)` for every row k and column n; rows from `depth` to the next multiple of
  /// `padding` are zero.
  template <class F>
  PackedMatrix(int depth, int width, F value, int padded_depth = 0)
      : depth_(padded_depth > depth ? padded_depth : depth),
        width_(width),
        data_(static_cast<std::size_t>(depth_) * width) {
    constexpr int kPanel = 2 * kLanes;
    for (int n = 0; n < width; ++n) {
      for (int k = 0; k < depth_; ++k) {
        data_[(static_cast<std::size_t>(n / kPanel) * depth_ + k) * kPanel + n % kPanel] =
            k < depth ? static_cast<float>(value(k, n)) : 0.0f;
      }
    }
  }
  int depth() const { return depth_; }
  int width() const { return width_; }
  const float* panel(int p) const {
    return data_.data() + static_cast<std::size_t>(p) * depth_ * 2 * kLanes;
  }

 private:
  int depth_ = 0, width_ = 0;
  Floats data_;
};

enum class Into { kStore, kAdd };

template <int kRows, Into kInto>
inline void multiply_rows(const float* a, int lda, const PackedMatrix& b, float* c, int ldc) {
  constexpr int kPanel = 2 * kLanes;
  const int depth = b.depth();
  for (int p = 0; p < b.width() / kPanel; ++p) {
    const float* w = b.panel(p);
    Vec sums[kRows][2];
    for (int i = 0; i < kRows; ++i) {
      sums[i][0] = kInto == Into::kAdd ? get(c + i * ldc + p * kPanel) : Vec{};
      sums[i][1] = kInto == Into::kAdd ? get(c + i * ldc + p * kPanel + kLanes) : Vec{};
    }
    for (int k = 0; k < depth; ++k) {
      const Vec w0 = get(w + k * kPanel), w1 = get(w + k * kPanel + kLanes);
#pragma GCC unroll 8
      for (int i = 0; i < kRows; ++i) {
        const Vec x = splat(a[i * lda + k]);
        sums[i][0] += x * w0;
        sums[i][1] += x * w1;
      }
    }
    for (int i = 0; i < kRows; ++i) {
      store(c + i * ldc + p * kPanel, sums[i][0]);
      store(c + i * ldc + p * kPanel + kLanes, sums[i][1]);
    }
  }
}

/// c [rows, width] = or += a [rows, depth] b.
template <Into kInto>
inline void multiply(int rows, const float* a, int lda, const PackedMatrix& b, float* c, int ldc) {
  int i = 0;
  for (; i + 6 <= rows; i += 6) multiply_rows<6, kInto>(a + i * lda, lda, b, c + i * ldc, ldc);
  a += i * lda;
  c += i * ldc;
  switch (rows - i) {
    case 5:
      multiply_rows<5, kInto>(a, lda, b, c, ldc);
      break;
    case 4:
      multiply_rows<4, kInto>(a, lda, b, c, ldc);
      break;
    case 3:
      multiply_rows<3, kInto>(a, lda, b, c, ldc);
      break;
    case 2:
      multiply_rows<2, kInto>(a, lda, b, c, ldc);
      break;
    case 1:
      multiply_rows<1, kInto>(a, lda, b, c, ldc);
      break;
    default:
      break;
  }
}

}  // namespace anneal::vec
