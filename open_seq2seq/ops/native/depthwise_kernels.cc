#include "depthwise_kernels.h"

#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <vector>

// One instruction, VDPBF16PS, multiplies two neighbouring bfloat16 numbers each and adds both
// products to a float lane. Neighbours must belong to one channel: rows of two frames are
// interleaved once (`Pairs`), then every pair of taps costs one instruction for 16 channels.

#define OS2S_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#define OS2S_INLINE static inline __attribute__((always_inline)) OS2S_BF16

namespace open_seq2seq {
namespace {

constexpr int kLanes = 16;      // channels in one register of floats
constexpr int kMostRows = 24;   // accumulators; the processor has 32 registers
constexpr int kPair = 2 * kLanes;

// Frames of two halves of 16 channels, each interleaved with the frame `distance` later.
struct Pairs {
  std::vector<uint16_t> storage;
  uint16_t* half[2];
  int64_t frames;

  // Room for `count` frames, aligned to a cache line.
  void Resize(int64_t count) {
    frames = count;
    storage.resize(2 * count * kPair + 32);
    auto address = reinterpret_cast<uintptr_t>(storage.data());
    half[0] = storage.data() + ((64 - address % 64) % 64) / sizeof(uint16_t);
    half[1] = half[0] + count * kPair;
  }
};

OS2S_BF16 __m512i InterleaveIndex(int first) {
  alignas(64) uint16_t index[32];
  for (int lane = 0; lane < kLanes; ++lane) {
    index[2 * lane] = static_cast<uint16_t>(first + lane);
    index[2 * lane + 1] = static_cast<uint16_t>(32 + first + lane);
  }
  return _mm512_load_si512(index);
}

// Fills `pairs` so that frame i holds (x[i - before], x[i - before + distance]), 0 outside.
OS2S_BF16 void MakePairs(const uint16_t* rows, int64_t stride, int64_t count, int64_t before,
                         int64_t distance, Pairs* pairs) {
  const __m512i low = InterleaveIndex(0), high = InterleaveIndex(kLanes);
  for (int64_t i = 0; i < pairs->frames; ++i) {
    const int64_t first = i - before, second = first + distance;
    const __m512i a = first >= 0 && first < count ? _mm512_loadu_si512(rows + first * stride)
                                                  : _mm512_setzero_si512();
    const __m512i b = second >= 0 && second < count ? _mm512_loadu_si512(rows + second * stride)
                                                    : _mm512_setzero_si512();
    _mm512_store_si512(pairs->half[0] + i * kPair, _mm512_permutex2var_epi16(a, low, b));
    _mm512_store_si512(pairs->half[1] + i * kPair, _mm512_permutex2var_epi16(a, high, b));
  }
}

OS2S_INLINE __m512bh LoadPairs(const uint16_t* address) {
  return (__m512bh)_mm512_load_si512(address);
}

// sums[r] += sum over s < steps of moving[r * row_step + s * moving_step] * fixed[s].
template <int kRows>
OS2S_INLINE void Accumulate(const uint16_t* moving, int64_t row_step, int64_t moving_step,
                            const uint16_t* fixed, int64_t steps, __m512* sums) {
  for (int64_t step = 0; step < steps; ++step) {
    const __m512bh weight = LoadPairs(fixed + step * kPair);
    const uint16_t* row = moving + step * moving_step * kPair;
#pragma GCC unroll 24
    for (int r = 0; r < kRows; ++r) {
      sums[r] = _mm512_dpbf16_ps(sums[r], LoadPairs(row + r * row_step * kPair), weight);
    }
  }
}

template <int kRows>
OS2S_BF16 void ForwardRows(const uint16_t* pairs, int64_t step, const uint16_t* taps,
                           int64_t tap_pairs, uint16_t* outputs, int64_t stride) {
  __m512 sums[kRows];
#pragma GCC unroll 24
  for (int r = 0; r < kRows; ++r) sums[r] = _mm512_setzero_ps();
  Accumulate<kRows>(pairs, 1, step, taps, tap_pairs, sums);
#pragma GCC unroll 24
  for (int r = 0; r < kRows; ++r) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(outputs + r * stride),
                        (__m256i)_mm512_cvtneps_pbh(sums[r]));
  }
}

template <int kRows>
OS2S_BF16 void GradientRows(const uint16_t* pairs, int64_t dilation, const uint16_t* upstream,
                            int64_t frame_pairs, float* gradient, int64_t stride) {
  __m512 sums[kRows];
#pragma GCC unroll 24
  for (int r = 0; r < kRows; ++r) sums[r] = _mm512_loadu_ps(gradient + r * stride);
  Accumulate<kRows>(pairs, dilation, 2, upstream, frame_pairs, sums);
#pragma GCC unroll 24
  for (int r = 0; r < kRows; ++r) _mm512_storeu_ps(gradient + r * stride, sums[r]);
}

using ForwardFunction = void (*)(const uint16_t*, int64_t, const uint16_t*, int64_t, uint16_t*,
                                 int64_t);
using GradientFunction = void (*)(const uint16_t*, int64_t, const uint16_t*, int64_t, float*,
                                  int64_t);

#define OS2S_SIZES(F)                                                                        \
  F<1>, F<2>, F<3>, F<4>, F<5>, F<6>, F<7>, F<8>, F<9>, F<10>, F<11>, F<12>, F<13>, F<14>,   \
      F<15>, F<16>, F<17>, F<18>, F<19>, F<20>, F<21>, F<22>, F<23>, F<24>
const ForwardFunction kForward[kMostRows] = {OS2S_SIZES(ForwardRows)};
const GradientFunction kGradient[kMostRows] = {OS2S_SIZES(GradientRows)};

// The size of tiles that cover `count` rows evenly.
int64_t TileRows(int64_t count) {
  const int64_t tiles = (count + kMostRows - 1) / kMostRows;
  return (count + tiles - 1) / tiles;
}

// Taps two by two as bfloat16, in the layout of `Pairs`.
OS2S_BF16 void MakeTapPairs(const DepthwiseShape& shape, const float* kernel, bool reversed,
                            int64_t tap_pairs, Pairs* pairs) {
  std::vector<uint16_t> rows(2 * tap_pairs * kDepthwiseChannels, 0);
  for (int64_t tap = 0; tap < shape.taps; ++tap) {
    const float* values = kernel + (reversed ? shape.taps - 1 - tap : tap) * shape.channels;
    for (int half = 0; half < 2; ++half) {
      const __m256bh rounded = _mm512_cvtneps_pbh(_mm512_loadu_ps(values + half * kLanes));
      std::memcpy(&rows[tap * kDepthwiseChannels + half * kLanes], &rounded, sizeof(rounded));
    }
  }
  const __m512i low = InterleaveIndex(0), high = InterleaveIndex(kLanes);
  pairs->Resize(tap_pairs);
  for (int64_t i = 0; i < tap_pairs; ++i) {
    const __m512i a = _mm512_loadu_si512(&rows[2 * i * kDepthwiseChannels]);
    const __m512i b = _mm512_loadu_si512(&rows[(2 * i + 1) * kDepthwiseChannels]);
    _mm512_store_si512(pairs->half[0] + i * kPair, _mm512_permutex2var_epi16(a, low, b));
    _mm512_store_si512(pairs->half[1] + i * kPair, _mm512_permutex2var_epi16(a, high, b));
  }
}

// Every second frame of the upstream gradient with the frame after it.
OS2S_BF16 void MakeFramePairs(const uint16_t* rows, int64_t stride, int64_t count, Pairs* pairs) {
  const __m512i low = InterleaveIndex(0), high = InterleaveIndex(kLanes);
  pairs->Resize((count + 1) / 2);
  for (int64_t i = 0; i < pairs->frames; ++i) {
    const __m512i a = _mm512_loadu_si512(rows + 2 * i * stride);
    const __m512i b = 2 * i + 1 < count ? _mm512_loadu_si512(rows + (2 * i + 1) * stride)
                                        : _mm512_setzero_si512();
    _mm512_store_si512(pairs->half[0] + i * kPair, _mm512_permutex2var_epi16(a, low, b));
    _mm512_store_si512(pairs->half[1] + i * kPair, _mm512_permutex2var_epi16(a, high, b));
  }
}

}  // namespace

bool CpuHasBfloat16() {
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl");
}

void DepthwiseForward(const DepthwiseShape& shape, const uint16_t* inputs, const float* kernel,
                      bool reversed, int64_t utterance, int64_t channel, uint16_t* outputs) {
  thread_local Pairs pairs, taps;
  const int64_t tap_pairs = (shape.taps + 1) / 2;
  const int64_t offset = utterance * shape.frames * shape.channels + channel;
  MakeTapPairs(shape, kernel + channel, reversed, tap_pairs, &taps);
  pairs.Resize(shape.frames + 2 * tap_pairs * shape.dilation);
  MakePairs(inputs + offset, shape.channels, shape.frames, shape.before, shape.dilation, &pairs);
  const int64_t tile = TileRows(shape.frames);
  for (int half = 0; half < 2; ++half) {
    for (int64_t frame = 0; frame < shape.frames; frame += tile) {
      const int64_t rows = std::min(tile, shape.frames - frame);
      kForward[rows - 1](pairs.half[half] + frame * kPair, 2 * shape.dilation, taps.half[half],
                         tap_pairs,
                         outputs + offset + frame * shape.channels + half * kLanes,
                         shape.channels);
    }
  }
}

void DepthwiseFilterGradient(const DepthwiseShape& shape, const uint16_t* inputs,
                             const uint16_t* upstream, int64_t channel, float* gradient) {
  thread_local Pairs pairs, frames;
  // Rows of the gradient are a power of two apart, often: side by side they stay in the cache.
  std::vector<float> sums(2 * shape.taps * kLanes, 0.0f);
  const int64_t tile = TileRows(shape.taps);
  for (int64_t utterance = 0; utterance < shape.batch; ++utterance) {
    const int64_t offset = utterance * shape.frames * shape.channels + channel;
    MakeFramePairs(upstream + offset, shape.channels, shape.frames, &frames);
    pairs.Resize(shape.frames + 2 + shape.taps * shape.dilation);
    MakePairs(inputs + offset, shape.channels, shape.frames, shape.before, 1, &pairs);
    for (int half = 0; half < 2; ++half) {
      for (int64_t tap = 0; tap < shape.taps; tap += tile) {
        const int64_t rows = std::min(tile, shape.taps - tap);
        kGradient[rows - 1](pairs.half[half] + tap * shape.dilation * kPair, shape.dilation,
                            frames.half[half], frames.frames,
                            sums.data() + (half * shape.taps + tap) * kLanes, kLanes);
      }
    }
  }
  for (int half = 0; half < 2; ++half) {
    for (int64_t tap = 0; tap < shape.taps; ++tap) {
      std::copy_n(sums.data() + (half * shape.taps + tap) * kLanes, kLanes,
                  gradient + tap * shape.channels + channel + half * kLanes);
    }
  }
}

}  // namespace open_seq2seq
