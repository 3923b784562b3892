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
OS2S_BF16 void StepReluForward(const Now<Element>& now, int64_t units) {
  for (int64_t u = 0; u < units; u += kLanes) {
    const __m512 positive = _mm512_max_ps(_mm512_setzero_ps(), Gate(now, u));
    Finish(now, u, _mm512_min_ps(_mm512_set1_ps(kClip), positive));
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
        _mm512_mask_cmp_ps_mask(above, outputs, _mm512_set1_ps(kClip), _CMP_LT_OQ);
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

}  // namespace
}  // namespace open_seq2seq
