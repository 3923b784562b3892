// Dropout whose mask is a function of a key and the position, so that it need not be kept.
#pragma once

#include <cstdint>

namespace open_seq2seq {

// Values that share one draw of random numbers; a part of a tensor begins at a multiple of it.
constexpr int64_t kDropoutValues = 32;
// A value is dropped when its random number, of so many steps, is below the threshold.
constexpr int64_t kDropoutSteps = 65536;

// outputs = inputs * scale, or 0 where the position's random number is below `threshold`.
// `first` is the position of inputs[0] in the tensor, a multiple of kDropoutValues.
void Dropout(const uint16_t* inputs, int64_t count, uint64_t key, int64_t first,
             uint32_t threshold, float scale, uint16_t* outputs);  // bfloat16
void Dropout(const float* inputs, int64_t count, uint64_t key, int64_t first, uint32_t threshold,
             float scale, float* outputs);

// A key that differs in half of its bits for neighbouring seeds.
uint64_t DropoutKey(uint32_t high, uint32_t low);

}  // namespace open_seq2seq
