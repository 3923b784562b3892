"""The convolution of large filters against TensorFlow's own, outputs and gradients."""

import numpy as np
import pytest
import tensorflow as tf

from open_seq2seq.ops import tensorflow_convolution
from open_seq2seq.ops.convolution import convolve, depthwise_convolve
from tests.machines import need_bfloat16, widens_bfloat16
from tests.rounding import assert_within, random_sums, rounded, stored


def gradients(function, inputs, kernel, of=lambda x: x):
    """The outputs, and the gradients of their sum weighted by random numbers, through `of`."""
    with tf.GradientTape() as tape:
        tape.watch([inputs, kernel])
        outputs = function(inputs, kernel)
        weights = of(np.random.default_rng(1).standard_normal(outputs.shape).astype(np.float32))
        objective = tf.reduce_sum(tf.cast(outputs, tf.float32) * weights)
    return [outputs, *tape.gradient(objective, [inputs, kernel])]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(
    ("taps", "stride"),
    [((11, 41), (2, 2)), ((11, 21), (1, 2)), ((7, 9), (3, 2)), ((2, 25), (3, 5))],
)
def test_equals_tensorflow(dtype, padding, taps, stride):
    if dtype == "bfloat16":
        need_bfloat16()
    rng = np.random.default_rng(0)
    inputs = tf.cast(rng.standard_normal((3, 30, 60, 4)), dtype)
    kernel = tf.cast(rng.standard_normal((*taps, 4, 6)), dtype)
    assert tensorflow_convolution.takes(inputs, kernel)
    found = gradients(lambda *x: convolve(*x, stride, (1, 1), padding), inputs, kernel)

    def theirs(*x):
        return tf.nn.conv2d(*x, stride, padding)

    exact = tf.cast(inputs, tf.float32), tf.cast(kernel, tf.float32)
    expected = gradients(theirs, *exact)
    squares = gradients(theirs, *map(tf.square, exact), np.square)
    size, positions = np.prod(taps), np.prod(expected[0].shape[:3])
    all_terms = {"outputs": 4 * size, "inputs": 6 * size, "kernel": positions}
    for (what, terms), one, reference, of in zip(all_terms.items(), found, expected, squares):
        assert one.dtype == dtype and one.shape == reference.shape
        of = np.float64(of)
        limit = 2 * random_sums(terms, of, "float32")
        if dtype == "bfloat16":
            # The upstream gradient is rounded, and what it is multiplied by to the sum.
            added = rounded(terms, dtype, widens_bfloat16())
            limit += stored(reference, dtype) + random_sums(2 + added, of, dtype)
        assert_within(tf.cast(one, tf.float32), reference, limit, what)


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
    of = float(tf.reduce_mean(kernel**2))  # about 1, as of the inputs
    assert_within(found[0], for_longer[:, :31], 2 * random_sums(4 * 99, 4 * 99 * of, "float32"))
    assert_within(found[1], for_kernel, 2 * random_sums(192, 192 * of, "float32"))


def test_small_filters_are_left_to_tensorflow():
    inputs, kernel = tf.zeros((1, 8, 8, 2)), tf.zeros((3, 3, 2, 2))
    assert not tensorflow_convolution.takes(inputs, kernel)


@pytest.mark.parametrize(
    ("padding", "before", "after"), [("VALID", 0, 0), ([2, 1], 2, 1), ([5, 0], 5, 0)]
)
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2)])
@pytest.mark.parametrize("is_depthwise", [False, True])
def test_fewer_frames_than_the_kernel_sees(padding, before, after, stride, dilation, is_depthwise):
    """Outputs that see whole windows are NumPy's; where there is none, one is left past the end."""
    taps, channels = 6, 4
    rng = np.random.default_rng(3)
    kernel = rng.standard_normal((taps, channels, 1 if is_depthwise else channels))
    kernel = kernel.astype(np.float32)
    span = (taps - 1) * dilation + 1

    def computed(inputs):
        if is_depthwise:
            return depthwise_convolve(inputs, kernel, stride, dilation, padding)
        return convolve(inputs, kernel, (stride,), (dilation,), padding)

    graph = tf.function(computed, input_signature=[tf.TensorSpec((None, None, channels))])
    for frames in range(1, span + 3):
        inputs = rng.standard_normal((2, frames, channels)).astype(np.float32)
        padded = np.pad(inputs, [(0, 0), (before, after), (0, 0)])
        starts = range(0, padded.shape[1] - span + 1, stride)
        windows = [padded[:, start : start + span : dilation] for start in starts]
        sums = "btc,tcx->bc" if is_depthwise else "btc,tcx->bx"
        expected = [np.einsum(sums, window, kernel) for window in windows]
        for found in (computed(inputs), graph(inputs)):
            assert found.shape == (2, max(len(expected), 1), channels)
            assert np.isfinite(found).all()
            for row, reference in enumerate(expected):
                np.testing.assert_allclose(found[:, row], reference, atol=1e-5)
