// What a step does besides its products, forward and back, for one utterance. For the recurrent
// kernels' own file only.
#pragma once

#include "recurrent_math.h"

namespace open_seq2seq {
namespace {

// Of Deep Speech 2's clipped ReLU: CLIP of recurrent_cells.py.
constexpr float kClip = 20.0f;

// One utterance at one step of the forward loop; arrays lie gate after gate, `units` apart.
template <typename Element>
struct ForwardStep {
  const Element* inputs;
  const float* bias;
  const float* products;  // with the state
  float *hidden, *memory;
  Element *operand;  // what the next product multiplies: hidden as an Element
  Element *outputs, *saved;
};

template <typename Element>
OS2S_INLINE __m512 Gate(const ForwardStep<Element>& step, int64_t at) {
  return Plus(Plus(Load(step.inputs + at), Load(step.bias + at)), Load(step.products + at));
}

template <typename Element>
OS2S_INLINE void Finish(const ForwardStep<Element>& step, int64_t unit, __m512 hidden) {
  Store(step.hidden + unit, hidden);
  Store(step.operand + unit, hidden);
  Store(step.outputs + unit, hidden);
}

// The states that an utterance begins with; memory may be null in `from_memory`.
template <typename Element>
OS2S_BF16 void Begin(const float* from_hidden, const float* from_memory, int64_t units,
                     float* hidden, float* memory, Element* operand) {
  for (int64_t u = 0; u < units; u += kLanes) {
    Store(hidden + u, Load(from_hidden + u));
    Store(operand + u, Load(from_hidden + u));
    if (from_memory != nullptr) Store(memory + u, Load(from_memory + u));
  }
}

template <typename Element>
OS2S_BF16 void StepReluForward(const ForwardStep<Element>& step, int64_t units) {
  for (int64_t u = 0; u < units; u += kLanes) {
    const __m512 positive = _mm512_max_ps(_mm512_setzero_ps(), Gate(step, u));
    Finish(step, u, _mm512_min_ps(_mm512_set1_ps(kClip), positive));
  }
}

template <typename Element>
OS2S_BF16 void StepLstmForward(const ForwardStep<Element>& step, int64_t units) {
  for (int64_t u = 0; u < units; u += kLanes) {
    const __m512 input_gate = Sigmoid(Gate(step, u)), forget_gate = Sigmoid(Gate(step, units + u));
    const __m512 candidate = Tanh(Gate(step, 2 * units + u));
    const __m512 output_gate = Sigmoid(Gate(step, 3 * units + u));
    const __m512 memory =
        _mm512_fmadd_ps(forget_gate, Load(step.memory + u), Times(input_gate, candidate));
    Store(step.memory + u, memory);
    Finish(step, u, Times(output_gate, Tanh(memory)));
    if (step.saved != nullptr) {
      Store(step.saved + u, input_gate);
      Store(step.saved + units + u, forget_gate);
      Store(step.saved + 2 * units + u, candidate);
      Store(step.saved + 3 * units + u, output_gate);
      Store(step.saved + 4 * units + u, memory);
    }
  }
}

template <typename Element>
OS2S_BF16 void StepResetAfterForward(const ForwardStep<Element>& step, int64_t units) {
  for (int64_t u = 0; u < units; u += kLanes) {
    const __m512 update = Sigmoid(Gate(step, u)), reset = Sigmoid(Gate(step, units + u));
    const __m512 product =
        Plus(Load(step.products + 2 * units + u), Load(step.bias + 3 * units + u));
    const __m512 input = Plus(Load(step.inputs + 2 * units + u), Load(step.bias + 2 * units + u));
    const __m512 candidate = Tanh(_mm512_fmadd_ps(reset, product, input));
    const __m512 change = Minus(Load(step.hidden + u), candidate);
    Finish(step, u, _mm512_fmadd_ps(update, change, candidate));
    if (step.saved != nullptr) {
      Store(step.saved + u, update);
      Store(step.saved + units + u, reset);
      Store(step.saved + 2 * units + u, candidate);
      Store(step.saved + 3 * units + u, product);
    }
  }
}

// The part of the GRU before its second product; the operand becomes reset * hidden, and the
// products of the update gate the gate itself.
template <typename Element>
OS2S_BF16 void StepGruGates(const ForwardStep<Element>& step, int64_t units, float* update_gates) {
  for (int64_t u = 0; u < units; u += kLanes) {
    const __m512 update = Sigmoid(Gate(step, u)), reset = Sigmoid(Gate(step, units + u));
    Store(update_gates + u, update);
    Store(step.operand + u, Times(reset, Load(step.hidden + u)));
    if (step.saved != nullptr) {
      Store(step.saved + u, update);
      Store(step.saved + units + u, reset);
    }
  }
}

template <typename Element>
OS2S_BF16 void StepGruForward(const ForwardStep<Element>& step, int64_t units) {
  for (int64_t u = 0; u < units; u += kLanes) {
    const __m512 candidate = Tanh(Gate(step, 2 * units + u));
    const __m512 update = Load(step.products + u);
    const __m512 change = Minus(Load(step.hidden + u), candidate);
    Finish(step, u, _mm512_fmadd_ps(update, change, candidate));
    if (step.saved != nullptr) Store(step.saved + 2 * units + u, candidate);
  }
}

// One utterance at one step of the gradient's loop.
template <typename Element>
struct BackwardStep {
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
OS2S_INLINE __m512 Arriving(const BackwardStep<Element>& step, int64_t unit) {
  return Plus(Load(step.upstream + unit), Load(step.carry + unit));
}

// Writes the gradient of a gate's input, which is that of its product with the state too.
template <typename Element>
OS2S_INLINE void Write(const BackwardStep<Element>& step, int64_t at, __m512 gradient) {
  Store(step.operand + at, gradient);
  Store(step.for_inputs + at, gradient);
  AddTo(step.for_bias + at, gradient);
}

template <typename Element>
OS2S_BF16 void StepReluGradient(const BackwardStep<Element>& step, int64_t units) {
  for (int64_t u = 0; u < units; u += kLanes) {
    const __m512 outputs = Load(step.outputs + u);
    const __mmask16 above = _mm512_cmp_ps_mask(outputs, _mm512_setzero_ps(), _CMP_GT_OQ);
    const __mmask16 passes =
        _mm512_mask_cmp_ps_mask(above, outputs, _mm512_set1_ps(kClip), _CMP_LT_OQ);
    Write(step, u, _mm512_maskz_mov_ps(passes, Arriving(step, u)));
    Store(step.carry + u, _mm512_setzero_ps());
  }
}

template <typename Element>
OS2S_BF16 void StepLstmGradient(const BackwardStep<Element>& step, int64_t units) {
  for (int64_t u = 0; u < units; u += kLanes) {
    const __m512 input_gate = Load(step.saved + u), forget_gate = Load(step.saved + units + u);
    const __m512 candidate = Load(step.saved + 2 * units + u);
    const __m512 output_gate = Load(step.saved + 3 * units + u);
    const __m512 tanh_memory = Tanh(Load(step.saved + 4 * units + u));
    const __m512 hidden = Arriving(step, u);
    const __m512 memory = _mm512_fmadd_ps(Times(hidden, output_gate), TanhSlope(tanh_memory),
                                          Load(step.memory_carry + u));
    const __m512 memory_before = Before(step.saved_before, 4 * units + u);
    Write(step, u, Times(Times(memory, candidate), SigmoidSlope(input_gate)));
    Write(step, units + u, Times(Times(memory, memory_before), SigmoidSlope(forget_gate)));
    Write(step, 2 * units + u, Times(Times(memory, input_gate), TanhSlope(candidate)));
    Write(step, 3 * units + u, Times(Times(hidden, tanh_memory), SigmoidSlope(output_gate)));
    Store(step.memory_carry + u, Times(memory, forget_gate));
    Store(step.carry + u, _mm512_setzero_ps());
  }
}

template <typename Element>
OS2S_BF16 void StepResetAfterGradient(const BackwardStep<Element>& step, int64_t units) {
  for (int64_t u = 0; u < units; u += kLanes) {
    const __m512 update = Load(step.saved + u), reset = Load(step.saved + units + u);
    const __m512 candidate = Load(step.saved + 2 * units + u);
    const __m512 product = Load(step.saved + 3 * units + u);
    const __m512 hidden = Arriving(step, u);
    const __m512 change = Minus(Before(step.before, u), candidate);
    const __m512 for_update = Times(Times(hidden, change), SigmoidSlope(update));
    const __m512 for_candidate = Times(_mm512_fnmadd_ps(hidden, update, hidden),
                                       TanhSlope(candidate));
    const __m512 for_reset = Times(Times(for_candidate, product), SigmoidSlope(reset));
    const __m512 for_product = Times(for_candidate, reset);
    Write(step, u, for_update);
    Write(step, units + u, for_reset);
    Store(step.for_products + u, for_update);
    Store(step.for_products + units + u, for_reset);
    Store(step.for_inputs + 2 * units + u, for_candidate);
    Store(step.for_products + 2 * units + u, for_product);
    Store(step.operand + 2 * units + u, for_product);
    AddTo(step.for_bias + 2 * units + u, for_candidate);
    AddTo(step.for_bias + 3 * units + u, for_product);
    Store(step.carry + u, Times(hidden, update));
  }
}

// The GRU's candidate, before the product that gives the gradient of reset * hidden.
template <typename Element>
OS2S_BF16 void StepGruCandidateGradient(const BackwardStep<Element>& step, int64_t units) {
  for (int64_t u = 0; u < units; u += kLanes) {
    const __m512 update = Load(step.saved + u), candidate = Load(step.saved + 2 * units + u);
    const __m512 hidden = Arriving(step, u);
    Store(step.carry + u, hidden);
    Write(step, 2 * units + u,
          Times(_mm512_fnmadd_ps(hidden, update, hidden), TanhSlope(candidate)));
  }
}

template <typename Element>
OS2S_BF16 void StepGruGradient(const BackwardStep<Element>& step, int64_t units) {
  for (int64_t u = 0; u < units; u += kLanes) {
    const __m512 update = Load(step.saved + u), reset = Load(step.saved + units + u);
    const __m512 candidate = Load(step.saved + 2 * units + u);
    const __m512 hidden = Load(step.carry + u), before = Before(step.before, u);
    const __m512 second = Load(step.second + u);
    Write(step, u, Times(Times(hidden, Minus(before, candidate)), SigmoidSlope(update)));
    Write(step, units + u, Times(Times(second, before), SigmoidSlope(reset)));
    Store(step.carry + u, _mm512_fmadd_ps(hidden, update, Times(second, reset)));
  }
}

}  // namespace
}  // namespace open_seq2seq
