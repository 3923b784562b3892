"""Depthwise convolution over time on TensorFlow's CPU kernels, each in its fastest layout.

TensorFlow's gradient for the filter walks an image's height quickly and its width very
slowly (ten times and more beyond 512 frames); the other two are fastest along the width.
"""

from __future__ import annotations

import tensorflow as tf

from open_seq2seq.tensors import Tensor


def depthwise_convolve(inputs: Tensor, kernel: Tensor, stride: int, padding: str) -> Tensor:
    """A depthwise convolution without dilation.

    Args:
      inputs: [batch, time, channel].
      kernel: [tap, channel, 1], of the same dtype.
      stride: in frames.
      padding: same or valid.

    Returns:
      [batch, time', channel].
    """
    strides = (1, stride, stride, 1)
    padding = padding.upper()

    @tf.custom_gradient
    def convolved(inputs: Tensor, kernel: Tensor) -> Tensor:
        image, taps = inputs[:, None], kernel[None]
        outputs = tf.nn.depthwise_conv2d(image, taps, strides, padding)

        def backward(upstream: Tensor) -> tuple[Tensor, Tensor]:
            for_inputs = tf.nn.depthwise_conv2d_backprop_input(
                tf.shape(image), taps, upstream[:, None], strides, padding
            )
            taps_as_height = (kernel.shape[0], 1, kernel.shape[1], 1)
            for_kernel = tf.nn.depthwise_conv2d_backprop_filter(
                inputs[:, :, None], taps_as_height, upstream[:, :, None], strides, padding
            )
            return for_inputs[:, 0], for_kernel[:, 0]

        return outputs[:, 0], backward

    return convolved(inputs, kernel)
