#include "dropout_kernels.h"

#include <immintrin.h>

#include <algorithm>

#define OS2S_BF16 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))
#define OS2S_INLINE static inline __attribute__((always_inline)) OS2S_BF16

namespace open_seq2seq {
namespace {

// SplitMix64 (Steele, Lea and Flood 2014): an additive counter and a mixing function.
constexpr uint64_t kStep = 0x9E3779B97F4A7C15;
constexpr uint64_t kFirstFactor = 0xBF58476D1CE4E5B9, kSecondFactor = 0x94D049BB133111EB;

// 32 random numbers of 16 bits for the 32 values from `position` on; which are kept.
OS2S_INLINE __mmask32 Kept(uint64_t key, int64_t position, __m512i threshold) {
  const __m512i lanes = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
  const __m512i counter =
      _mm512_add_epi64(_mm512_set1_epi64(position / kDropoutValues * 8), lanes);
  __m512i x = _mm512_add_epi64(_mm512_set1_epi64(key),
                               _mm512_mullo_epi64(counter, _mm512_set1_epi64(kStep)));
  x = _mm512_xor_si512(x, _mm512_srli_epi64(x, 30));
  x = _mm512_mullo_epi64(x, _mm512_set1_epi64(kFirstFactor));
  x = _mm512_xor_si512(x, _mm512_srli_epi64(x, 27));
  x = _mm512_mullo_epi64(x, _mm512_set1_epi64(kSecondFactor));
  x = _mm512_xor_si512(x, _mm512_srli_epi64(x, 31));
  return _mm512_cmpge_epu16_mask(x, threshold);
}

OS2S_INLINE __m512i Scaled(__m512i bfloats, __m512 scale) {
  // The even numbers lie in the upper halves after a shift, the odd ones do already.
  const __m512 even = _mm512_castsi512_ps(_mm512_slli_epi32(bfloats, 16));
  const __m512 odd = _mm512_castsi512_ps(
      _mm512_and_si512(bfloats, _mm512_set1_epi32(static_cast<int>(0xFFFF0000))));
  const __m256i low = (__m256i)_mm512_cvtneps_pbh(_mm512_mul_ps(even, scale));
  const __m256i high = (__m256i)_mm512_cvtneps_pbh(_mm512_mul_ps(odd, scale));
  return _mm512_or_si512(_mm512_cvtepu16_epi32(low),
                         _mm512_slli_epi32(_mm512_cvtepu16_epi32(high), 16));
}

}  // namespace

OS2S_BF16 void Dropout(const uint16_t* inputs, int64_t count, uint64_t key, int64_t first,
                       uint32_t threshold, float scale, uint16_t* outputs) {
  const __m512i limit = _mm512_set1_epi16(static_cast<int16_t>(threshold));
  const __m512 factor = _mm512_set1_ps(scale);
  for (int64_t n = 0; n < count; n += kDropoutValues) {
    const int64_t left = std::min(kDropoutValues, count - n);
    const __mmask32 there = left == kDropoutValues ? ~0u : (1u << left) - 1;
    const __mmask32 kept = Kept(key, first + n, limit);
    const __m512i values = _mm512_maskz_loadu_epi16(there, inputs + n);
    _mm512_mask_storeu_epi16(outputs + n, there,
                             _mm512_maskz_mov_epi16(kept, Scaled(values, factor)));
  }
}

OS2S_BF16 void Dropout(const float* inputs, int64_t count, uint64_t key, int64_t first,
                       uint32_t threshold, float scale, float* outputs) {
  const __m512i limit = _mm512_set1_epi16(static_cast<int16_t>(threshold));
  const __m512 factor = _mm512_set1_ps(scale);
  for (int64_t n = 0; n < count; n += kDropoutValues) {
    const __mmask32 kept = Kept(key, first + n, limit);
    for (int half = 0; half < 2; ++half) {
      const int64_t at = n + 16 * half, left = std::clamp<int64_t>(count - at, 0, 16);
      const __mmask16 there = (1u << left) - 1;
      const __mmask16 chosen = static_cast<__mmask16>(kept >> (16 * half));
      const __m512 values = _mm512_maskz_loadu_ps(there, inputs + at);
      _mm512_mask_storeu_ps(outputs + at, there, _mm512_maskz_mul_ps(chosen, values, factor));
    }
  }
}

uint64_t DropoutKey(uint32_t high, uint32_t low) {
  uint64_t x = (uint64_t{high} << 32 | low) + kStep;
  x = (x ^ x >> 30) * kFirstFactor;
  x = (x ^ x >> 27) * kSecondFactor;
  return x ^ x >> 31;
}

}  // namespace open_seq2seq
