#include "recurrent_kernels.h"

#include <algorithm>

#include "recurrent_product.h"
#include "recurrent_steps.h"

namespace open_seq2seq {
namespace {

// Between the rows of states, so that a power of two of units doesn't collide in the cache.
constexpr int64_t kGap = 2 * kLanes;

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
      return {3, 3, 3, 1};
    case RecurrentCell::kGruResetAfter:
      return {3, 4, 4, 1};
    case RecurrentCell::kLstm:
      return {4, 4, 5, 2};
    default:
      return {1, 1, 0, 1};
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
                      const Element* inputs, const float* bias, const float* initial,
                      Element* outputs, Element* saved, float* last) {
  const int64_t units = sequence.units;
  const RecurrentWidths widths = WidthsOf(sequence.cell);
  Rows<float> hidden(rows.size(), units), memory(rows.size(), units);
  Rows<float> products(rows.size(), widths.gates * units);
  Rows<Element> operand(rows.size(), units);
  const bool has_memory = widths.states > 1;
  for (size_t row = 0; initial != nullptr && row < rows.size(); ++row) {
    const float* from = initial + rows[row] * widths.states * units;
    Begin(from, has_memory ? from + units : nullptr, units, hidden[row], memory[row], operand[row]);
  }
  for (int64_t step = 0; step < StepsOf(sequence, rows); ++step) {
    const int64_t active = ActiveAt(sequence, rows, step);
    Product(operand.data(), operand.stride(), active, sequence.kernel->first, products.data(),
            products.stride(), false);
    const auto at = [&](int64_t row) -> ForwardStep<Element> {
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
        for (int64_t row = 0; row < active; ++row) StepGruGates(at(row), units, products[row]);
        Product(operand.data(), operand.stride(), active, sequence.kernel->second,
                products.data() + 2 * units, products.stride(), false);
        for (int64_t row = 0; row < active; ++row) StepGruForward(at(row), units);
        break;
      case RecurrentCell::kGruResetAfter:
        for (int64_t row = 0; row < active; ++row) StepResetAfterForward(at(row), units);
        break;
      case RecurrentCell::kLstm:
        for (int64_t row = 0; row < active; ++row) StepLstmForward(at(row), units);
        break;
      case RecurrentCell::kRelu:
        for (int64_t row = 0; row < active; ++row) StepReluForward(at(row), units);
        break;
    }
  }
  for (size_t row = 0; last != nullptr && row < rows.size(); ++row) {
    float* to = last + rows[row] * widths.states * units;
    std::copy_n(hidden[row], units, to);
    if (has_memory) std::copy_n(memory[row], units, to + units);
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
    const auto at = [&](int64_t row) -> BackwardStep<Element> {
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
        for (int64_t row = 0; row < active; ++row) StepGruCandidateGradient(at(row), units);
        Product(operand.data() + 2 * units, operand.stride(), active, sequence.kernel->second,
                second.data(), second.stride(), false);
        for (int64_t row = 0; row < active; ++row) StepGruGradient(at(row), units);
        break;
      case RecurrentCell::kGruResetAfter:
        for (int64_t row = 0; row < active; ++row) StepResetAfterGradient(at(row), units);
        break;
      case RecurrentCell::kLstm:
        for (int64_t row = 0; row < active; ++row) StepLstmGradient(at(row), units);
        break;
      case RecurrentCell::kRelu:
        for (int64_t row = 0; row < active; ++row) StepReluGradient(at(row), units);
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
                                 const Element*, const float*, const float*, Element*, Element*, \
                                 float*);                                                        \
  template void RecurrentGradient(const RecurrentSequence<Element>&,                             \
                                  const std::vector<int32_t>&, const Element*, const Element*,   \
                                  const Element*, Element*, Element*, float*);
OS2S_INSTANTIATE(float)
OS2S_INSTANTIATE(uint16_t)

}  // namespace open_seq2seq
