"""Strided convolutions over images on TensorFlow's CPU: gradients that its own are slow at."""

from __future__ import annotations

import tensorflow as tf

from open_seq2seq.tensors import Tensor

# Below, a product of so few columns is slower than TensorFlow's own gradient.
_CHANNELS = 16


def takes(images: Tensor, kernel: Tensor, strides: tuple[int, ...]) -> bool:
    """Whether `convolve` is the faster way: 3 x 3 taps of stride 2 over channels, and no GPU."""
    sizes = tuple(kernel.shape[:2]) == (3, 3) and tuple(strides) == (2, 2)
    return (
        sizes
        and kernel.shape[2] >= _CHANNELS
        and images.shape[2] is not None
        and not tf.config.list_physical_devices("GPU")
    )


def convolve(images: Tensor, kernel: Tensor) -> Tensor:
    """A convolution of 3 x 3 taps and stride 2 without padding.

    Its filter's gradient is a product of matrices for each tap. oneDNN's own takes twice as long
    in bfloat16 and three times as long in float32.

    Args:
      images: [batch, time, frequency, channel].
      kernel: [3, 3, channel, output], of the same dtype.

    Returns:
      [batch, time', frequency', output].
    """

    @tf.custom_gradient
    def convolved(images: Tensor, kernel: Tensor) -> Tensor:
        outputs = tf.nn.conv2d(images, kernel, 2, "VALID")

        def backward(upstream: Tensor) -> tuple[Tensor, Tensor]:
            for_images = tf.nn.conv2d_transpose(upstream, kernel, tf.shape(images), 2, "VALID")
            return for_images, _for_kernel(images, upstream)

        return outputs, backward

    return convolved(images, kernel)


def _for_kernel(images: Tensor, upstream: Tensor) -> Tensor:
    """The filter's gradient: each tap's inputs by the outputs' gradient."""
    size = tf.unstack(tf.shape(upstream)[:3])
    inputs, outputs = images.shape[-1], upstream.shape[-1]
    # A tap sees frames of one phase, of which none is left out.
    missing = [
        (0, 0),
        *((0, 2 * size[axis] + 2 - tf.shape(images)[axis]) for axis in (1, 2)),
        (0, 0),
    ]
    images = tf.pad(images, missing)
    shape = (-1, size[1] + 1, 2, size[2] + 1, 2, inputs)
    phases = tf.transpose(tf.reshape(images, shape), (2, 4, 0, 1, 3, 5))
    upstream = tf.reshape(upstream, (-1, outputs))
    gradients = []
    for tap in range(9):
        row, column = divmod(tap, 3)
        first = (0, row // 2, column // 2, 0)
        seen = tf.slice(phases[row % 2, column % 2], first, (*size, inputs))
        seen = tf.reshape(seen, (-1, inputs))
        gradients.append(tf.matmul(seen, upstream, transpose_a=True))
    return tf.reshape(tf.stack(gradients), (3, 3, inputs, outputs))
