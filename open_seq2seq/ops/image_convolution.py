"""Convolutions over images of time and frequency, with zeros of one's own choice around them."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from open_seq2seq.ops.convolution import pointwise
from open_seq2seq.tensors import Tensor

Widths = tuple[tuple[int, int], tuple[int, int]]


def convolve_image(
    images: Tensor, kernel: Tensor, strides: Sequence[int], padding: Widths
) -> Tensor:
    """A convolution over time and frequency.

    Args:
      images: [batch, time, frequency, channel].
      kernel: [tap, tap, channel, output].
      strides: of both axes.
      padding: zeros before and after each axis.

    Returns:
      [batch, time', frequency', output] in the dtype of `images`.
    """
    kernel = ops.cast(kernel, images.dtype)
    if tuple(kernel.shape[:2]) == (1, 1):
        return pointwise(images, kernel)
    images = _padded(images, padding)
    if keras.backend.backend() == "tensorflow":
        from open_seq2seq.ops import tensorflow_image_convolution

        if tensorflow_image_convolution.takes(images, kernel, tuple(strides)):
            return tensorflow_image_convolution.convolve(images, kernel)
    return ops.conv(images, kernel, strides=tuple(strides), data_format="channels_last")


def depthwise_convolve_image(
    images: Tensor, kernel: Tensor, strides: Sequence[int], padding: Widths
) -> Tensor:
    """Convolves every channel with its own taps.

    Args:
      images: [batch, time, frequency, channel].
      kernel: [tap, tap, channel, 1].
      strides, padding: as in `convolve_image`.

    Returns:
      [batch, time', frequency', channel] in the dtype of `images`.
    """
    # Of bfloat16, TensorFlow's gradient takes many times as long as that of float32.
    outputs = ops.depthwise_conv(
        ops.cast(_padded(images, padding), "float32"),
        ops.cast(kernel, "float32"),
        strides=tuple(strides),
        data_format="channels_last",
    )
    return ops.cast(outputs, images.dtype)


def _padded(images: Tensor, padding: Widths) -> Tensor:
    return ops.pad(images, [(0, 0), *padding, (0, 0)])
