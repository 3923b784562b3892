"""How graphs for LiteRT are written: what its kernels are fast at."""

import numpy as np
import pytest
import tensorflow as tf

from open_seq2seq.export.tensorflow_builder import TensorFlowBuilder


def traced(taps, most, stride=1):
    """A depthwise convolution of 3 channels."""
    kernel = np.random.default_rng(taps).standard_normal((taps, 3)).astype(np.float32)
    spec = tf.TensorSpec((1, None, 3), tf.float32)

    def convolve(x):
        g = TensorFlowBuilder(depthwise_taps=most)
        padding = (taps // 2, taps - 1 - taps // 2)
        return g.tensor(g.convolve_depthwise(g.value(x), kernel, stride, 1, padding))

    return tf.function(convolve).get_concrete_function(spec)


def pieces(function):
    """The taps of the graph's depthwise kernels."""
    operations = [one for one in function.graph.get_operations() if "Depthwise" in one.type]
    return [one.inputs[1].shape[1] for one in operations]


@pytest.mark.parametrize(
    ("taps", "expected"),
    [
        (25, [25]),
        (33, [25, 8]),
        (39, [25, 9, 5]),
        (43, [25, 9, 9]),
        (44, [25, 19]),
        (51, [25, 25, 1]),
        (63, [25, 25, 9, 4]),
        (75, [25, 25, 25]),
    ],
)
def test_kernels_are_taken_to_the_pieces_that_xnnpack_has_kernels_for(taps, expected):
    assert pieces(traced(taps, 25)) == expected


@pytest.mark.parametrize(("taps", "stride"), [(26, 1), (39, 2), (51, 1), (63, 2), (87, 3)])
def test_pieces_are_the_kernel(taps, stride):
    x = tf.constant(np.random.default_rng(0).standard_normal((1, 101, 3)), tf.float32)
    whole = traced(taps, None, stride)
    assert pieces(whole) == [taps]
    found, expected = traced(taps, 25, stride)(x), whole(x)
    np.testing.assert_allclose(found, expected, atol=1e-5)
