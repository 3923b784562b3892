// Depthwise convolution over time in bfloat16, for CPUs with AVX512-BF16.
#pragma once

#include <cstdint>

namespace open_seq2seq {

// How a depthwise convolution that keeps the length runs:
//   y[b, t, c] = sum over j of w[j, c] * x[b, t + j * dilation - before, c],
// with zeros outside the utterance.
struct DepthwiseShape {
  int64_t batch;
  int64_t frames;
  int64_t channels;  // a multiple of kDepthwiseChannels
  int64_t taps;
  int64_t dilation;
  int64_t before;
};

// Channels that are computed together: one cache line of bfloat16.
constexpr int64_t kDepthwiseChannels = 32;

bool CpuHasBfloat16();

// Computes the outputs of one utterance and kDepthwiseChannels channels from `channel` on.
// inputs, outputs: [batch, frames, channels] bfloat16; kernel: [taps, channels] float.
// reversed: use the taps from last to first.
void DepthwiseForward(const DepthwiseShape& shape, const uint16_t* inputs, const float* kernel,
                      bool reversed, int64_t utterance, int64_t channel, uint16_t* outputs);

// Computes the gradient of the taps for kDepthwiseChannels channels from `channel` on,
// summed over the batch. upstream: like the outputs; gradient: [taps, channels] float.
void DepthwiseFilterGradient(const DepthwiseShape& shape, const uint16_t* inputs,
                             const uint16_t* upstream, int64_t channel, float* gradient);

}  // namespace open_seq2seq
