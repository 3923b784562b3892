"""Convolution over images on TensorFlow, with a fast gradient for the filter on CPUs.

oneDNN's own gradient for filters as large as Deep Speech 2's (11 x 21 and more) runs at a
quarter of the speed of the convolution itself. It is a convolution, too: of the inputs by the
outputs' gradient, with batch and channels exchanged and the stride as dilation.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from open_seq2seq.tensors import Tensor

# Filters of fewer taps have a fast gradient already.
_LARGE = 50


def takes(inputs: Tensor, kernel: Tensor) -> bool:
    """Whether `convolve` is the faster way: a large filter, and no GPU."""
    is_large = len(inputs.shape) == 4 and kernel.shape[0] * kernel.shape[1] >= _LARGE
    return is_large and not tf.config.list_physical_devices("GPU")


def convolve(inputs: Tensor, kernel: Tensor, stride: Sequence[int], padding: str) -> Tensor:
    """A convolution without dilation.

    Args:
      inputs: [batch, time, width, channel]; with padding "same", multiples of the stride.
      kernel: [tap, tap, channel, output], of the same dtype.
      stride: of time and width.
      padding: same or valid.

    Returns:
      [batch, time', width', output].
    """
    taps = kernel.shape[:2]
    strides = (1, *stride, 1)
    padding = padding.upper()
    around = [(0, 0)] * 4
    if padding == "SAME":
        missing = [max(tap - step, 0) for tap, step in zip(taps, stride)]
        around[1:3] = [(amount // 2, amount - amount // 2) for amount in missing]

    @tf.custom_gradient
    def convolved(inputs: Tensor, kernel: Tensor) -> Tensor:
        outputs = tf.nn.conv2d(inputs, kernel, strides, padding)

        def backward(upstream: Tensor) -> tuple[Tensor, Tensor]:
            shape = tf.shape(inputs)
            for_inputs = tf.nn.conv2d_transpose(upstream, kernel, shape, strides, padding)
            images = tf.transpose(inputs, [3, 1, 2, 0])
            filters = tf.transpose(upstream, [1, 2, 0, 3])
            for_kernel = tf.nn.conv2d(images, filters, 1, around, dilations=stride)
            # Where the stride left some of the inputs over, there are more taps than wanted.
            for_kernel = for_kernel[:, : taps[0], : taps[1]]
            return for_inputs, tf.transpose(for_kernel, [1, 2, 0, 3])

        return outputs, backward

    return convolved(inputs, kernel)
