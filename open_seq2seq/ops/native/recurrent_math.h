// Sixteen floats at a time: loading, storing, and the functions of gates. For the recurrent
// kernels' own file only.
#pragma once

#include <immintrin.h>

#include <cstdint>

#define OS2S_BF16 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))
#define OS2S_INLINE static inline __attribute__((always_inline)) OS2S_BF16

namespace open_seq2seq {
namespace {

constexpr int64_t kLanes = 16;

OS2S_INLINE __m512 Load(const float* address) { return _mm512_loadu_ps(address); }

OS2S_INLINE __m512 Load(const uint16_t* address) {
  const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(address));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

OS2S_INLINE void Store(float* address, __m512 values) { _mm512_storeu_ps(address, values); }

OS2S_INLINE void Store(uint16_t* address, __m512 values) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(address), (__m256i)_mm512_cvtneps_pbh(values));
}

OS2S_INLINE void AddTo(float* address, __m512 values) {
  Store(address, _mm512_add_ps(Load(address), values));
}

// e^x, within 2 units of the last place: 2^n times the series of the rest.
OS2S_INLINE __m512 Exp(__m512 x) {
  // The constants come first, so that a nan stays one.
  x = _mm512_max_ps(_mm512_set1_ps(-87.0f), _mm512_min_ps(_mm512_set1_ps(88.0f), x));
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)),
                                        _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m512 rest = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
  rest = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), rest);
  __m512 sum = _mm512_set1_ps(1.0f / 720);
  sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(1.0f / 120));
  sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(1.0f / 24));
  sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(1.0f / 6));
  sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(0.5f));
  sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(1.0f));
  sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(1.0f));
  return _mm512_scalef_ps(sum, n);
}

OS2S_INLINE __m512 One() { return _mm512_set1_ps(1.0f); }

OS2S_INLINE __m512 Sigmoid(__m512 x) {
  const __m512 power = Exp(_mm512_sub_ps(_mm512_setzero_ps(), x));
  return _mm512_div_ps(One(), _mm512_add_ps(One(), power));
}

OS2S_INLINE __m512 Tanh(__m512 x) {
  const __m512 power = Exp(_mm512_add_ps(x, x));
  return _mm512_sub_ps(One(), _mm512_div_ps(_mm512_set1_ps(2.0f), _mm512_add_ps(One(), power)));
}

// The derivatives, from the values.
OS2S_INLINE __m512 SigmoidSlope(__m512 y) { return _mm512_fnmadd_ps(y, y, y); }
OS2S_INLINE __m512 TanhSlope(__m512 y) { return _mm512_fnmadd_ps(y, y, One()); }

OS2S_INLINE __m512 Plus(__m512 a, __m512 b) { return _mm512_add_ps(a, b); }
OS2S_INLINE __m512 Minus(__m512 a, __m512 b) { return _mm512_sub_ps(a, b); }
OS2S_INLINE __m512 Times(__m512 a, __m512 b) { return _mm512_mul_ps(a, b); }

}  // namespace
}  // namespace open_seq2seq
