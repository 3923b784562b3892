// Recurrent layers over whole sequences: the loop over time, its products and its gates.
//
// Element is float, or uint16_t for bfloat16; states and sums are float either way. Needs a
// CPU for which CpuHasBfloat16() holds.
#pragma once

#include <cstdint>
#include <vector>

namespace open_seq2seq {

// Units are a multiple of one register of floats.
constexpr int64_t kRecurrentUnits = 16;

enum class RecurrentCell { kGru, kGruResetAfter, kLstm, kRelu };

// How many times the units each of these is wide.
struct RecurrentWidths {
  int64_t gates;  // inputs, kernels and gradients of both
  int64_t biases;
  int64_t saved;  // what the gradient needs of a step, besides the outputs
  int64_t states;  // what goes from step to step: the hidden state, and an LSTM's memory
};

RecurrentWidths WidthsOf(RecurrentCell cell);

// A matrix in the order in which products read it: panels of up to 48 columns.
template <typename Element>
struct Panels {
  int64_t rows = 0, columns = 0;
  std::vector<Element> values;

  void Resize(int64_t rows, int64_t columns);
  int64_t Count() const;
  // Fills a panel; element (row, column) is matrix[row * row_step + column * column_step].
  void Fill(const Element* matrix, int64_t row_step, int64_t column_step, int64_t panel);
};

// The recurrent kernel [units, gates * units] of a direction, as its products need it: one
// product for all gates, or a second one for the candidate of the GRU with reset before.
// Transposed for the gradient.
template <typename Element>
struct PackedKernel {
  Panels<Element> first, second;

  void Resize(RecurrentCell cell, int64_t units, bool transposed);
  int64_t Count() const { return first.Count() + second.Count(); }
  void Fill(RecurrentCell cell, int64_t units, const Element* kernel, bool transposed,
            int64_t panel);
};

// One direction of a layer. Arrays are [batch, frames, width * units].
template <typename Element>
struct RecurrentSequence {
  RecurrentCell cell;
  int64_t frames, units;
  bool backward;  // from an utterance's last frame to its first
  const int32_t* lengths;  // [batch], at most `frames`
  const PackedKernel<Element>* kernel;
};

// Runs the utterances numbered in `rows`, longest first. Outputs past a length become 0; saved
// (may be null) is written there, with 0, for kGru only. `initial` and `last` [batch, states *
// units] are the states before the first step (null: zero) and after the last (null: not wanted).
template <typename Element>
void RecurrentForward(const RecurrentSequence<Element>& sequence, const std::vector<int32_t>& rows,
                      const Element* inputs, const float* bias, const float* initial,
                      Element* outputs, Element* saved, float* last);

// The gradients for `upstream`, that of the outputs. for_products (null unless the cell is
// kGruResetAfter) is the gradient of the products with the state, where it isn't for_inputs.
// Both become 0 past a length. Adds to for_bias [biases * units].
template <typename Element>
void RecurrentGradient(const RecurrentSequence<Element>& sequence,
                       const std::vector<int32_t>& rows, const Element* upstream,
                       const Element* outputs, const Element* saved, Element* for_inputs,
                       Element* for_products, float* for_bias);

}  // namespace open_seq2seq
