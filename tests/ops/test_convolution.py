"""The convolution of large filters against TensorFlow's own, outputs and gradients."""

import numpy as np
import pytest
import tensorflow as tf

from open_seq2seq.ops import tensorflow_convolution
from open_seq2seq.ops.convolution import convolve


def gradients(function, inputs, kernel):
    with tf.GradientTape() as tape:
        tape.watch([inputs, kernel])
        outputs = function(inputs, kernel)
        weights = np.random.default_rng(1).standard_normal(outputs.shape)
        objective = tf.reduce_sum(tf.cast(outputs, tf.float32) * weights.astype(np.float32))
    return [outputs, *tape.gradient(objective, [inputs, kernel])]


@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(
    ("taps", "stride"),
    [((11, 41), (2, 2)), ((11, 21), (1, 2)), ((7, 9), (3, 2)), ((2, 25), (3, 5))],
)
def test_equals_tensorflow(dtype, padding, taps, stride):
    rng = np.random.default_rng(0)
    inputs = tf.cast(rng.standard_normal((3, 30, 60, 4)), dtype)
    kernel = tf.cast(rng.standard_normal((*taps, 4, 6)), dtype)
    assert tensorflow_convolution.takes(inputs, kernel)
    found = gradients(lambda *x: convolve(*x, stride, (1, 1), padding), inputs, kernel)
    expected = gradients(
        lambda *x: tf.nn.conv2d(*x, stride, padding),
        tf.cast(inputs, tf.float32),
        tf.cast(kernel, tf.float32),
    )
    for one, reference in zip(found, expected, strict=True):
        assert one.dtype == dtype and one.shape == reference.shape
        error = np.abs(tf.cast(one, tf.float32) - reference).max()
        assert error < (1e-5 if dtype == tf.float32 else 0.01) * np.abs(reference).max()


def test_unknown_shapes():
    """In a graph for all shapes, a length that is no multiple of the stride."""
    kernel = tf.random.stateless_normal((11, 9, 3, 4), (0, 0))

    @tf.function(input_signature=[tf.TensorSpec((None, None, 12, 3))])
    def run(inputs):
        with tf.GradientTape() as tape:
            tape.watch([inputs, kernel])
            outputs = convolve(inputs, kernel, (2, 2), (1, 1), "SAME")
        return [outputs, *tape.gradient(outputs, [inputs, kernel])]

    inputs = tf.random.stateless_normal((2, 31, 12, 3), (1, 0))
    outputs, *found = run(inputs)
    assert outputs.shape == (2, 16, 6, 4)
    longer = tf.pad(inputs, [[0, 0], [0, 1], [0, 0], [0, 0]])
    _, for_longer, for_kernel = run(longer)
    np.testing.assert_allclose(found[0], for_longer[:, :31], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[1], for_kernel, rtol=1e-5, atol=1e-4)


def test_small_filters_are_left_to_tensorflow():
    inputs, kernel = tf.zeros((1, 8, 8, 2)), tf.zeros((3, 3, 2, 2))
    assert not tensorflow_convolution.takes(inputs, kernel)
