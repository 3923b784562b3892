#include "recurrent_kernels.h"

#include <immintrin.h>

#include <algorithm>
#include <cstring>

#define OS2S_BF16 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))
#define OS2S_INLINE static inline __attribute__((always_inline)) OS2S_BF16

namespace open_seq2seq {
namespace {

constexpr int64_t kLanes = 16;
// A tile of a product: so many rows by so many registers of columns are summed at a time,
// which leaves registers for the operands.
constexpr int kTileRows = 8, kTileVectors = 3;
constexpr int64_t kPanel = kTileVectors * kLanes;
// Between the rows of states, so that a power of two of units doesn't collide in the cache.
constexpr int64_t kGap = 2 * kLanes;

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

// One utterance at one step of the forward loop; arrays lie gate after gate, `units` apart.
template <typename Element>
struct Now {
  const Element* inputs;
  const float* bias;
  const float* products;  // with the state
  float *hidden, *memory;
  Element *operand;  // what the next product multiplies: hidden as an Element
  Element *outputs, *saved;
};

template <typename Element>
OS2S_INLINE __m512 Gate(const Now<Element>& now, int64_t at) {
  return Plus(Plus(Load(now.inputs + at), Load(now.bias + at)), Load(now.products + at));
}

template <typename Element>
OS2S_INLINE void Finish(const Now<Element>& now, int64_t unit, __m512 hidden) {
  Store(now.hidden + unit, hidden);
  Store(now.operand + unit, hidden);
  Store(now.outputs + unit, hidden);
}

template <typename Element>
OS2S_BF16 void StepReluForward(const Now<Element>& now, int64_t units) {
  for (int64_t u = 0; u < units; u += kLanes) {
    const __m512 positive = _mm512_max_ps(_mm512_setzero_ps(), Gate(now, u));
    Finish(now, u, _mm512_min_ps(_mm512_set1_ps(20.0f), positive));
  }
}

template <typename Element>
OS2S_BF16 void StepLstmForward(const Now<Element>& now, int64_t units) {
  for (int64_t u = 0; u < units; u += kLanes) {
    const __m512 entering = Sigmoid(Gate(now, u)), forget = Sigmoid(Gate(now, units + u));
    const __m512 candidate = Tanh(Gate(now, 2 * units + u));
    const __m512 leaving = Sigmoid(Gate(now, 3 * units + u));
    const __m512 memory =
        _mm512_fmadd_ps(forget, Load(now.memory + u), Times(entering, candidate));
    Store(now.memory + u, memory);
    Finish(now, u, Times(leaving, Tanh(memory)));
    if (now.saved != nullptr) {
      Store(now.saved + u, entering);
      Store(now.saved + units + u, forget);
      Store(now.saved + 2 * units + u, candidate);
      Store(now.saved + 3 * units + u, leaving);
      Store(now.saved + 4 * units + u, memory);
    }
  }
}

template <typename Element>
OS2S_BF16 void StepResetAfterForward(const Now<Element>& now, int64_t units) {
  for (int64_t u = 0; u < units; u += kLanes) {
    const __m512 update = Sigmoid(Gate(now, u)), reset = Sigmoid(Gate(now, units + u));
    const __m512 product = Plus(Load(now.products + 2 * units + u), Load(now.bias + 3 * units + u));
    const __m512 input = Plus(Load(now.inputs + 2 * units + u), Load(now.bias + 2 * units + u));
    const __m512 candidate = Tanh(_mm512_fmadd_ps(reset, product, input));
    const __m512 change = Minus(Load(now.hidden + u), candidate);
    Finish(now, u, _mm512_fmadd_ps(update, change, candidate));
    if (now.saved != nullptr) {
      Store(now.saved + u, update);
      Store(now.saved + units + u, reset);
      Store(now.saved + 2 * units + u, candidate);
      Store(now.saved + 3 * units + u, product);
    }
  }
}

// The part of the GRU before its second product; the operand becomes reset * hidden, and the
// products of the update gate the gate itself.
template <typename Element>
OS2S_BF16 void StepGruGates(const Now<Element>& now, int64_t units, float* update_gates) {
  for (int64_t u = 0; u < units; u += kLanes) {
    const __m512 update = Sigmoid(Gate(now, u)), reset = Sigmoid(Gate(now, units + u));
    Store(update_gates + u, update);
    Store(now.operand + u, Times(reset, Load(now.hidden + u)));
    if (now.saved != nullptr) {
      Store(now.saved + u, update);
      Store(now.saved + units + u, reset);
    }
  }
}

template <typename Element>
OS2S_BF16 void StepGruForward(const Now<Element>& now, int64_t units) {
  for (int64_t u = 0; u < units; u += kLanes) {
    const __m512 candidate = Tanh(Gate(now, 2 * units + u));
    const __m512 update = Load(now.products + u);
    const __m512 change = Minus(Load(now.hidden + u), candidate);
    Finish(now, u, _mm512_fmadd_ps(update, change, candidate));
    if (now.saved != nullptr) Store(now.saved + 2 * units + u, candidate);
  }
}

// One utterance at one step of the gradient's loop.
template <typename Element>
struct Then {
  const Element *upstream, *outputs, *before, *saved, *saved_before;  // *before: null at first
  float *carry, *memory_carry;  // the gradients that come from the following step
  const float* second;          // of the operand of the GRU's second product
  Element* operand;             // what the product with the transposed kernel multiplies
  Element *for_inputs, *for_products;
  float* for_bias;
};

template <typename Element>
OS2S_INLINE __m512 Before(const Element* address, int64_t at) {
  return address == nullptr ? _mm512_setzero_ps() : Load(address + at);
}

template <typename Element>
OS2S_INLINE __m512 Arriving(const Then<Element>& then, int64_t unit) {
  return Plus(Load(then.upstream + unit), Load(then.carry + unit));
}

// Writes the gradient of a gate's input, which is that of its product with the state too.
template <typename Element>
OS2S_INLINE void Write(const Then<Element>& then, int64_t at, __m512 gradient) {
  Store(then.operand + at, gradient);
  Store(then.for_inputs + at, gradient);
  AddTo(then.for_bias + at, gradient);
}

template <typename Element>
OS2S_BF16 void StepReluGradient(const Then<Element>& then, int64_t units) {
  for (int64_t u = 0; u < units; u += kLanes) {
    const __m512 outputs = Load(then.outputs + u);
    const __mmask16 above = _mm512_cmp_ps_mask(outputs, _mm512_setzero_ps(), _CMP_GT_OQ);
    const __mmask16 passes =
        _mm512_mask_cmp_ps_mask(above, outputs, _mm512_set1_ps(20.0f), _CMP_LT_OQ);
    Write(then, u, _mm512_maskz_mov_ps(passes, Arriving(then, u)));
    Store(then.carry + u, _mm512_setzero_ps());
  }
}

template <typename Element>
OS2S_BF16 void StepLstmGradient(const Then<Element>& then, int64_t units) {
  for (int64_t u = 0; u < units; u += kLanes) {
    const __m512 entering = Load(then.saved + u), forget = Load(then.saved + units + u);
    const __m512 candidate = Load(then.saved + 2 * units + u);
    const __m512 leaving = Load(then.saved + 3 * units + u);
    const __m512 bent = Tanh(Load(then.saved + 4 * units + u));
    const __m512 hidden = Arriving(then, u);
    const __m512 memory = _mm512_fmadd_ps(Times(hidden, leaving), TanhSlope(bent),
                                          Load(then.memory_carry + u));
    const __m512 memory_before = Before(then.saved_before, 4 * units + u);
    Write(then, u, Times(Times(memory, candidate), SigmoidSlope(entering)));
    Write(then, units + u, Times(Times(memory, memory_before), SigmoidSlope(forget)));
    Write(then, 2 * units + u, Times(Times(memory, entering), TanhSlope(candidate)));
    Write(then, 3 * units + u, Times(Times(hidden, bent), SigmoidSlope(leaving)));
    Store(then.memory_carry + u, Times(memory, forget));
    Store(then.carry + u, _mm512_setzero_ps());
  }
}

template <typename Element>
OS2S_BF16 void StepResetAfterGradient(const Then<Element>& then, int64_t units) {
  for (int64_t u = 0; u < units; u += kLanes) {
    const __m512 update = Load(then.saved + u), reset = Load(then.saved + units + u);
    const __m512 candidate = Load(then.saved + 2 * units + u);
    const __m512 product = Load(then.saved + 3 * units + u);
    const __m512 hidden = Arriving(then, u);
    const __m512 change = Minus(Before(then.before, u), candidate);
    const __m512 for_update = Times(Times(hidden, change), SigmoidSlope(update));
    const __m512 for_candidate = Times(_mm512_fnmadd_ps(hidden, update, hidden),
                                       TanhSlope(candidate));
    const __m512 for_reset = Times(Times(for_candidate, product), SigmoidSlope(reset));
    const __m512 for_product = Times(for_candidate, reset);
    Write(then, u, for_update);
    Write(then, units + u, for_reset);
    Store(then.for_products + u, for_update);
    Store(then.for_products + units + u, for_reset);
    Store(then.for_inputs + 2 * units + u, for_candidate);
    Store(then.for_products + 2 * units + u, for_product);
    Store(then.operand + 2 * units + u, for_product);
    AddTo(then.for_bias + 2 * units + u, for_candidate);
    AddTo(then.for_bias + 3 * units + u, for_product);
    Store(then.carry + u, Times(hidden, update));
  }
}

// The GRU's candidate, before the product that gives the gradient of reset * hidden.
template <typename Element>
OS2S_BF16 void StepGruCandidateGradient(const Then<Element>& then, int64_t units) {
  for (int64_t u = 0; u < units; u += kLanes) {
    const __m512 update = Load(then.saved + u), candidate = Load(then.saved + 2 * units + u);
    const __m512 hidden = Arriving(then, u);
    Store(then.carry + u, hidden);
    Write(then, 2 * units + u,
          Times(_mm512_fnmadd_ps(hidden, update, hidden), TanhSlope(candidate)));
  }
}

template <typename Element>
OS2S_BF16 void StepGruGradient(const Then<Element>& then, int64_t units) {
  for (int64_t u = 0; u < units; u += kLanes) {
    const __m512 update = Load(then.saved + u), reset = Load(then.saved + units + u);
    const __m512 candidate = Load(then.saved + 2 * units + u);
    const __m512 hidden = Load(then.carry + u), before = Before(then.before, u);
    const __m512 second = Load(then.second + u);
    Write(then, u, Times(Times(hidden, Minus(before, candidate)), SigmoidSlope(update)));
    Write(then, units + u, Times(Times(second, before), SigmoidSlope(reset)));
    Store(then.carry + u, _mm512_fmadd_ps(hidden, update, Times(second, reset)));
  }
}

// Rows with a gap between them.
template <typename Value>
class Rows {
 public:
  Rows(int64_t count, int64_t width)
      : stride_(width + kGap), values_(count * (width + kGap), Value{0}) {}
  Value* operator[](int64_t row) { return values_.data() + row * stride_; }
  Value* data() { return values_.data(); }
  int64_t stride() const { return stride_; }

 private:
  int64_t stride_;
  std::vector<Value> values_;
};

// The frame that an utterance is at after so many steps.
template <typename Element>
int64_t FrameAt(const RecurrentSequence<Element>& sequence, int32_t utterance, int64_t step) {
  const int64_t within = sequence.backward ? sequence.lengths[utterance] - 1 - step : step;
  return utterance * sequence.frames + within;
}

template <typename Element>
int64_t StepsOf(const RecurrentSequence<Element>& sequence, const std::vector<int32_t>& rows) {
  return rows.empty() ? 0 : sequence.lengths[rows[0]];
}

// How many of the rows, longest first, are longer than `step`.
template <typename Element>
int64_t ActiveAt(const RecurrentSequence<Element>& sequence, const std::vector<int32_t>& rows,
                 int64_t step) {
  int64_t active = rows.size();
  while (active > 0 && sequence.lengths[rows[active - 1]] <= step) --active;
  return active;
}

template <typename Element>
void ZeroPast(const RecurrentSequence<Element>& sequence, const std::vector<int32_t>& rows,
              int64_t width, Element* values) {
  for (const int32_t row : rows) {
    const int64_t length = sequence.lengths[row];
    std::fill_n(values + (row * sequence.frames + length) * width,
                (sequence.frames - length) * width, Element{0});
  }
}

}  // namespace

RecurrentWidths WidthsOf(RecurrentCell cell) {
  switch (cell) {
    case RecurrentCell::kGru:
      return {3, 3, 3};
    case RecurrentCell::kGruResetAfter:
      return {3, 4, 4};
    case RecurrentCell::kLstm:
      return {4, 4, 5};
    default:
      return {1, 1, 0};
  }
}

template <typename Element>
void Panels<Element>::Resize(int64_t new_rows, int64_t new_columns) {
  rows = new_rows;
  columns = new_columns;
  values.resize(rows * columns);
}

template <typename Element>
int64_t Panels<Element>::Count() const {
  return (columns + kPanel - 1) / kPanel;
}

template <typename Element>
void Panels<Element>::Fill(const Element* matrix, int64_t row_step, int64_t column_step,
                           int64_t panel) {
  constexpr int64_t kStep = Steps<Element>::kElements;
  const int64_t first = panel * kPanel, width = std::min(kPanel, columns - first);
  Element* to = values.data() + first * rows;
  for (int64_t column = 0; column < width; ++column) {
    const Element* from = matrix + (first + column) * column_step;
    for (int64_t row = 0; row < rows; ++row) {
      to[(row / kStep * width + column) * kStep + row % kStep] = from[row * row_step];
    }
  }
}

template <typename Element>
void PackedKernel<Element>::Resize(RecurrentCell cell, int64_t units, bool transposed) {
  const int64_t gates = WidthsOf(cell).gates;
  const bool split = cell == RecurrentCell::kGru;
  const int64_t wide = (split ? gates - 1 : gates) * units;
  transposed ? first.Resize(wide, units) : first.Resize(units, wide);
  second.Resize(split ? units : 0, split ? units : 0);
}

template <typename Element>
void PackedKernel<Element>::Fill(RecurrentCell cell, int64_t units, const Element* kernel,
                                 bool transposed, int64_t panel) {
  const int64_t width = WidthsOf(cell).gates * units;
  const int64_t row_step = transposed ? 1 : width, column_step = transposed ? width : 1;
  if (panel < first.Count()) {
    first.Fill(kernel, row_step, column_step, panel);
  } else {
    second.Fill(kernel + 2 * units, row_step, column_step, panel - first.Count());
  }
}

template <typename Element>
void RecurrentForward(const RecurrentSequence<Element>& sequence, const std::vector<int32_t>& rows,
                      const Element* inputs, const float* bias, Element* outputs, Element* saved) {
  const int64_t units = sequence.units;
  const RecurrentWidths widths = WidthsOf(sequence.cell);
  Rows<float> hidden(rows.size(), units), memory(rows.size(), units);
  Rows<float> products(rows.size(), widths.gates * units);
  Rows<Element> operand(rows.size(), units);
  for (int64_t step = 0; step < StepsOf(sequence, rows); ++step) {
    const int64_t active = ActiveAt(sequence, rows, step);
    Product(operand.data(), operand.stride(), active, sequence.kernel->first, products.data(),
            products.stride(), false);
    const auto now = [&](int64_t row) -> Now<Element> {
      const int64_t frame = FrameAt(sequence, rows[row], step);
      return {inputs + frame * widths.gates * units,
              bias,
              products[row],
              hidden[row],
              memory[row],
              operand[row],
              outputs + frame * units,
              saved == nullptr ? nullptr : saved + frame * widths.saved * units};
    };
    switch (sequence.cell) {
      case RecurrentCell::kGru:
        for (int64_t row = 0; row < active; ++row) StepGruGates(now(row), units, products[row]);
        Product(operand.data(), operand.stride(), active, sequence.kernel->second,
                products.data() + 2 * units, products.stride(), false);
        for (int64_t row = 0; row < active; ++row) StepGruForward(now(row), units);
        break;
      case RecurrentCell::kGruResetAfter:
        for (int64_t row = 0; row < active; ++row) StepResetAfterForward(now(row), units);
        break;
      case RecurrentCell::kLstm:
        for (int64_t row = 0; row < active; ++row) StepLstmForward(now(row), units);
        break;
      case RecurrentCell::kRelu:
        for (int64_t row = 0; row < active; ++row) StepReluForward(now(row), units);
        break;
    }
  }
  ZeroPast(sequence, rows, units, outputs);
  // The kernel's gradient multiplies all of it.
  if (saved != nullptr && sequence.cell == RecurrentCell::kGru) {
    ZeroPast(sequence, rows, widths.saved * units, saved);
  }
}

template <typename Element>
void RecurrentGradient(const RecurrentSequence<Element>& sequence,
                       const std::vector<int32_t>& rows, const Element* upstream,
                       const Element* outputs, const Element* saved, Element* for_inputs,
                       Element* for_products, float* for_bias) {
  const int64_t units = sequence.units;
  const RecurrentWidths widths = WidthsOf(sequence.cell);
  const int64_t wide = widths.gates * units;
  Rows<float> carry(rows.size(), units), memory_carry(rows.size(), units);
  Rows<float> second(rows.size(), units);
  Rows<Element> operand(rows.size(), wide);
  for (int64_t step = StepsOf(sequence, rows) - 1; step >= 0; --step) {
    const int64_t active = ActiveAt(sequence, rows, step);
    const auto then = [&](int64_t row) -> Then<Element> {
      const int64_t frame = FrameAt(sequence, rows[row], step);
      const int64_t before = step == 0 ? -1 : FrameAt(sequence, rows[row], step - 1);
      return {upstream + frame * units,
              outputs + frame * units,
              before < 0 ? nullptr : outputs + before * units,
              saved + frame * widths.saved * units,
              before < 0 ? nullptr : saved + before * widths.saved * units,
              carry[row],
              memory_carry[row],
              second[row],
              operand[row],
              for_inputs + frame * wide,
              for_products == nullptr ? nullptr : for_products + frame * wide,
              for_bias};
    };
    switch (sequence.cell) {
      case RecurrentCell::kGru:
        for (int64_t row = 0; row < active; ++row) StepGruCandidateGradient(then(row), units);
        Product(operand.data() + 2 * units, operand.stride(), active, sequence.kernel->second,
                second.data(), second.stride(), false);
        for (int64_t row = 0; row < active; ++row) StepGruGradient(then(row), units);
        break;
      case RecurrentCell::kGruResetAfter:
        for (int64_t row = 0; row < active; ++row) StepResetAfterGradient(then(row), units);
        break;
      case RecurrentCell::kLstm:
        for (int64_t row = 0; row < active; ++row) StepLstmGradient(then(row), units);
        break;
      case RecurrentCell::kRelu:
        for (int64_t row = 0; row < active; ++row) StepReluGradient(then(row), units);
        break;
    }
    if (step > 0) {
      Product(operand.data(), operand.stride(), active, sequence.kernel->first, carry.data(),
              carry.stride(), true);
    }
  }
  ZeroPast(sequence, rows, wide, for_inputs);
  if (for_products != nullptr) ZeroPast(sequence, rows, wide, for_products);
}

#define OS2S_INSTANTIATE(Element)                                                                \
  template struct Panels<Element>;                                                               \
  template struct PackedKernel<Element>;                                                         \
  template void RecurrentForward(const RecurrentSequence<Element>&, const std::vector<int32_t>&, \
                                 const Element*, const float*, Element*, Element*);              \
  template void RecurrentGradient(const RecurrentSequence<Element>&,                             \
                                  const std::vector<int32_t>&, const Element*, const Element*,   \
                                  const Element*, Element*, Element*, float*);
OS2S_INSTANTIATE(float)
OS2S_INSTANTIATE(uint16_t)

}  // namespace open_seq2seq
