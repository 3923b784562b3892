"""Convolutions over images: values and gradients are those of sums over the taps."""

import numpy as np
import pytest
import tensorflow as tf

from open_seq2seq.ops.image_convolution import convolve_image, depthwise_convolve_image


def _summed(images, kernel, padding):
    """A convolution of stride 2 in float64, [batch, time, frequency, channel]."""
    padded = tf.pad(images, [(0, 0), *padding, (0, 0)])
    rows, columns = ((padded.shape[axis] - 3) // 2 + 1 for axis in (1, 2))
    total = 0.0
    for row in range(3):
        for column in range(3):
            seen = padded[:, row : row + 2 * rows - 1 : 2, column : column + 2 * columns - 1 : 2]
            if kernel.shape[3] == 1 and kernel.shape[2] > 1:
                total += seen * kernel[row, column, :, 0]
            else:
                total += tf.einsum("btfc,co->btfo", seen, kernel[row, column])
    return total


def _with_gradients(function, images, kernel, dtype):
    images, kernel = (tf.constant(array, dtype) for array in (images, kernel))
    with tf.GradientTape() as tape:
        tape.watch([images, kernel])
        outputs = function(images, kernel)
        weights = np.random.default_rng(1).standard_normal(outputs.shape)
        total = tf.reduce_sum(outputs * tf.constant(weights, outputs.dtype))
    return [outputs, *tape.gradient(total, [images, kernel])]


@pytest.mark.parametrize("padding", [((1, 1), (1, 1)), ((2, 1), (2, 1)), ((0, 0), (1, 1))])
@pytest.mark.parametrize(
    ("frames", "channels", "outputs"), [(9, 16, 5), (10, 20, 3), (9, 3, 4), (8, 1, 4), (9, 6, 0)]
)
def test_equals_sums_over_the_taps(frames, channels, outputs, padding):
    rng = np.random.default_rng(0)
    images = rng.standard_normal((2, frames, 7, channels))
    kernel = rng.standard_normal((3, 3, channels, outputs or 1))
    convolve = convolve_image if outputs else depthwise_convolve_image
    expected = _with_gradients(lambda x, k: _summed(x, k, padding), images, kernel, "float64")
    found = _with_gradients(lambda x, k: convolve(x, k, (2, 2), padding), images, kernel, "float32")
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)


def test_one_tap_is_a_product_of_each_frame():
    rng = np.random.default_rng(0)
    images = rng.standard_normal((2, 3, 4, 5)).astype(np.float32)
    kernel = rng.standard_normal((1, 1, 5, 2)).astype(np.float32)
    found = convolve_image(images, kernel, (1, 1), ((0, 0), (0, 0)))
    np.testing.assert_allclose(found, images @ kernel[0, 0], rtol=0, atol=1e-5)
