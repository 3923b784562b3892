#include "normalization_kernels.h"

#include <immintrin.h>

#include <algorithm>

#define OS2S_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#define OS2S_INLINE static inline __attribute__((always_inline)) OS2S_BF16

namespace open_seq2seq {
namespace {

constexpr int64_t kLanes = kNormalizationChannels;

OS2S_INLINE __m512 Load(const uint16_t* address) {
  const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(address));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

OS2S_INLINE void Store(uint16_t* address, __m512 values) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(address),
                      (__m256i)_mm512_cvtneps_pbh(values));
}

// The upstream gradient, 0 where a ReLU or a mask made the output 0.
OS2S_INLINE __m512 Passed(const uint16_t* upstream, const uint16_t* outputs) {
  const __m512 values = Load(upstream);
  if (outputs == nullptr) return values;
  const __mmask16 above = _mm512_cmp_ps_mask(Load(outputs), _mm512_setzero_ps(), _CMP_GT_OQ);
  return _mm512_maskz_mov_ps(above, values);
}

}  // namespace

OS2S_BF16 void RowMoments(const uint16_t* inputs, int64_t rows, int64_t channels, float* mean,
                          float* squares) {
  std::fill_n(mean, channels, 0.0f);
  std::fill_n(squares, channels, 0.0f);
  for (int64_t row = 0; row < rows; ++row) {
    const uint16_t* values = inputs + row * channels;
    for (int64_t c = 0; c < channels; c += kLanes) {
      _mm512_storeu_ps(mean + c, _mm512_add_ps(_mm512_loadu_ps(mean + c), Load(values + c)));
    }
  }
  const float share = 1.0f / static_cast<float>(std::max<int64_t>(rows, 1));
  for (int64_t c = 0; c < channels; ++c) mean[c] *= share;
  for (int64_t row = 0; row < rows; ++row) {
    const uint16_t* values = inputs + row * channels;
    for (int64_t c = 0; c < channels; c += kLanes) {
      const __m512 centred = _mm512_sub_ps(Load(values + c), _mm512_loadu_ps(mean + c));
      _mm512_storeu_ps(squares + c,
                       _mm512_fmadd_ps(centred, centred, _mm512_loadu_ps(squares + c)));
    }
  }
}

OS2S_BF16 void NormalizeRows(const uint16_t* inputs, const uint16_t* residual, const float* scale,
                             const float* shift, bool relu, int64_t rows, int64_t channels,
                             uint16_t* outputs) {
  const __m512 least = _mm512_set1_ps(relu ? 0.0f : -__builtin_inff());
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t offset = row * channels;
    for (int64_t c = 0; c < channels; c += kLanes) {
      __m512 values = _mm512_fmadd_ps(Load(inputs + offset + c), _mm512_loadu_ps(scale + c),
                                      _mm512_loadu_ps(shift + c));
      if (residual != nullptr) values = _mm512_add_ps(values, Load(residual + offset + c));
      // In this order a nan stays one.
      Store(outputs + offset + c, _mm512_max_ps(least, values));
    }
  }
}

OS2S_BF16 void GradientSums(const uint16_t* upstream, const uint16_t* outputs,
                            const uint16_t* inputs, const float* mean, int64_t rows,
                            int64_t channels, float* sum, float* product) {
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t offset = row * channels;
    for (int64_t c = 0; c < channels; c += kLanes) {
      const int64_t at = offset + c;
      const __m512 passed = Passed(upstream + at, outputs ? outputs + at : nullptr);
      const __m512 centred = _mm512_sub_ps(Load(inputs + at), _mm512_loadu_ps(mean + c));
      _mm512_storeu_ps(sum + c, _mm512_add_ps(_mm512_loadu_ps(sum + c), passed));
      _mm512_storeu_ps(product + c,
                       _mm512_fmadd_ps(passed, centred, _mm512_loadu_ps(product + c)));
    }
  }
}

OS2S_BF16 void GradientRows(const uint16_t* upstream, const uint16_t* outputs,
                            const uint16_t* inputs, const float* mean, const float* scale,
                            const float* slope, const float* offset, int64_t rows,
                            int64_t channels, uint16_t* gradient, uint16_t* residual) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; c += kLanes) {
      const int64_t at = row * channels + c;
      const __m512 passed = Passed(upstream + at, outputs ? outputs + at : nullptr);
      const __m512 centred = _mm512_sub_ps(Load(inputs + at), _mm512_loadu_ps(mean + c));
      __m512 values = _mm512_fmadd_ps(passed, _mm512_loadu_ps(scale + c),
                                      _mm512_loadu_ps(offset + c));
      values = _mm512_fmadd_ps(centred, _mm512_loadu_ps(slope + c), values);
      Store(gradient + at, values);
      if (residual != nullptr) Store(residual + at, passed);
    }
  }
}

}  // namespace open_seq2seq
