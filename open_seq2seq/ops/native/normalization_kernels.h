// Batch normalization of bfloat16 activations with what follows it: residual, ReLU, mask.
#pragma once

#include <cstdint>

namespace open_seq2seq {

// Columns that are computed together: one register of floats.
constexpr int64_t kNormalizationChannels = 16;

// All rows are [channels] bfloat16; channels is a multiple of kNormalizationChannels.

// Adds up `rows` rows: mean and sum of squared differences from it, [channels] each.
void RowMoments(const uint16_t* inputs, int64_t rows, int64_t channels, float* mean,
                float* squares);

// outputs = inputs * scale + shift (+ residual), then max(., 0) if relu. residual may be null.
void NormalizeRows(const uint16_t* inputs, const uint16_t* residual, const float* scale,
                   const float* shift, bool relu, int64_t rows, int64_t channels,
                   uint16_t* outputs);

// Adds to sum and to product, [channels] each: the upstream gradient, and its product with
// inputs - mean. With outputs (null without ReLU) the gradient counts where they are above 0.
void GradientSums(const uint16_t* upstream, const uint16_t* outputs, const uint16_t* inputs,
                  const float* mean, int64_t rows, int64_t channels, float* sum, float* product);

// gradient = upstream * scale + (inputs - mean) * slope + offset; where outputs (if given) are
// not above 0, upstream counts as 0. residual (may be null) receives upstream itself.
void GradientRows(const uint16_t* upstream, const uint16_t* outputs, const uint16_t* inputs,
                  const float* mean, const float* scale, const float* slope, const float* offset,
                  int64_t rows, int64_t channels, uint16_t* gradient, uint16_t* residual);

}  // namespace open_seq2seq
