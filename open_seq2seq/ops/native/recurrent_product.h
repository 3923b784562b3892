// Products of a few rows with a packed matrix, for the recurrent kernels' own file only.
#pragma once

#include <algorithm>
#include <cstring>

#include "recurrent_kernels.h"
#include "recurrent_math.h"

namespace open_seq2seq {
namespace {

// A tile of a product: so many rows by so many registers of columns are summed at a time,
// which leaves registers for the operands.
constexpr int kTileRows = 8, kTileVectors = 3;
constexpr int64_t kPanel = kTileVectors * kLanes;

// How products step through a row: one float, or a pair of bfloat16 numbers, at a time.
template <typename Element>
struct Steps;

template <>
struct Steps<float> {
  static constexpr int64_t kElements = 1;
  OS2S_INLINE __m512 MultiplyAdd(const float* left, __m512 right, __m512 sum) {
    return _mm512_fmadd_ps(_mm512_set1_ps(*left), right, sum);
  }
};

template <>
struct Steps<uint16_t> {
  static constexpr int64_t kElements = 2;
  OS2S_INLINE __m512 MultiplyAdd(const uint16_t* left, __m512 right, __m512 sum) {
    int32_t pair;
    std::memcpy(&pair, left, sizeof(pair));
    return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(pair),
                            (__m512bh)_mm512_castps_si512(right));
  }
};

// to[r][v] (+)= sum over k of left[r][k] * panel[k][v], for kRows rows and kVectors registers.
template <typename Element, int kRows, int kVectors>
OS2S_BF16 void Tile(const Element* left, int64_t left_stride, const Element* panel, int64_t count,
                    float* to, int64_t to_stride, bool add) {
  constexpr int64_t kStep = Steps<Element>::kElements;
  __m512 sums[kRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v) {
      sums[r][v] = add ? Load(to + r * to_stride + v * kLanes) : _mm512_setzero_ps();
    }
  }
  for (int64_t k = 0; k < count; k += kStep) {
    __m512 right[kVectors];
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v) {
      right[v] = _mm512_loadu_ps(panel + (k * kVectors + v * kStep) * kLanes);
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
      for (int v = 0; v < kVectors; ++v) {
        sums[r][v] = Steps<Element>::MultiplyAdd(left + r * left_stride + k, right[v], sums[r][v]);
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v) Store(to + r * to_stride + v * kLanes, sums[r][v]);
  }
}

template <typename Element>
using TileFunction = void (*)(const Element*, int64_t, const Element*, int64_t, float*, int64_t,
                              bool);

template <typename Element, int kVectors>
TileFunction<Element> TileOfRows(int64_t rows) {
  static constexpr TileFunction<Element> kTiles[kTileRows] = {
      Tile<Element, 1, kVectors>, Tile<Element, 2, kVectors>, Tile<Element, 3, kVectors>,
      Tile<Element, 4, kVectors>, Tile<Element, 5, kVectors>, Tile<Element, 6, kVectors>,
      Tile<Element, 7, kVectors>, Tile<Element, 8, kVectors>};
  return kTiles[rows - 1];
}

// to [rows, columns] (+)= left [rows, matrix.rows] times matrix.
template <typename Element>
void Product(const Element* left, int64_t left_stride, int64_t rows, const Panels<Element>& matrix,
             float* to, int64_t to_stride, bool add) {
  const int64_t tiles = (rows + kTileRows - 1) / kTileRows;
  for (int64_t column = 0; column < matrix.columns; column += kPanel) {
    const int64_t vectors = std::min(kPanel, matrix.columns - column) / kLanes;
    const Element* panel = matrix.values.data() + column * matrix.rows;
    // Tiles of even height: the panel stays in the cache from one to the next.
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const int64_t first = rows * tile / tiles, height = rows * (tile + 1) / tiles - first;
      const TileFunction<Element> run = vectors == 3   ? TileOfRows<Element, 3>(height)
                                        : vectors == 2 ? TileOfRows<Element, 2>(height)
                                                       : TileOfRows<Element, 1>(height);
      run(left + first * left_stride, left_stride, panel, matrix.rows,
          to + first * to_stride + column, to_stride, add);
    }
  }
}

}  // namespace
}  // namespace open_seq2seq
