"""Every depthwise path against sums written out, and against the plain twin's gradients."""

import numpy as np
import pytest
import tensorflow as tf

from open_seq2seq.errors import RunError
from open_seq2seq.ops import native
from open_seq2seq.ops.convolution import depthwise_convolve, plain_depthwise_convolve
from tests.machines import need_bfloat16, need_kernels
from tests.rounding import apart, assert_within, bound, stored


@pytest.fixture(scope="module", params=["tensorflow", "native"])
def path(request):
    """TensorFlow's kernels in float32, the C++ ones in bfloat16 (built if need be)."""
    if request.param == "native":
        need_kernels()
    return request.param


def arrays(path, frames, taps, channels=64, seed=0):
    """Numbers that bfloat16 holds exactly."""
    rng = np.random.default_rng(seed)
    inputs = tf.cast(rng.standard_normal((3, frames, channels)), tf.bfloat16)
    kernel = tf.cast(rng.standard_normal((taps, channels, 1)), tf.bfloat16)
    dtype = tf.bfloat16 if path == "native" else tf.float32
    return tf.cast(inputs, dtype), tf.cast(kernel, tf.float32)


def written_out(inputs, kernel, stride, dilation, padding):
    """In float64, by the definition; the length is a multiple of the stride."""
    inputs, kernel = np.float64(tf.cast(inputs, tf.float32)), np.float64(kernel)[:, :, 0]
    span = (len(kernel) - 1) * dilation
    before = span if padding == "CAUSAL" else max(span + 1 - stride, 0) // 2
    outputs = np.zeros((len(inputs), inputs.shape[1] // stride, inputs.shape[2]))
    for frame in range(outputs.shape[1]):
        for tap, weights in enumerate(kernel):
            source = frame * stride + tap * dilation - before
            if 0 <= source < inputs.shape[1]:
                outputs[:, frame] += inputs[:, source] * weights
    return outputs


@pytest.mark.parametrize("padding", ["SAME", "CAUSAL"])
@pytest.mark.parametrize("taps", [1, 2, 11, 33])
@pytest.mark.parametrize(
    ("frames", "stride", "dilation"), [(31, 1, 1), (40, 1, 3), (40, 2, 1), (42, 3, 1), (40, 2, 2)]
)
def test_outputs(path, padding, taps, frames, stride, dilation):
    inputs, kernel = arrays(path, frames, taps)
    outputs = depthwise_convolve(inputs, kernel, stride, dilation, padding)
    assert outputs.dtype == inputs.dtype
    expected = written_out(inputs, kernel, stride, dilation, padding)
    # Of the absolute values: products of bfloat16 numbers are exact in float32.
    magnitudes = written_out(tf.abs(inputs), tf.abs(kernel), stride, dilation, padding)
    limit = bound(taps, "float32") * magnitudes
    if path == "native":
        # A strided convolution adds up one rounded number for each phase, in bfloat16.
        limit += stored(expected if stride == 1 else stride * magnitudes, "bfloat16")
    assert_within(tf.cast(outputs, tf.float32), expected, limit)


@pytest.mark.parametrize("padding", ["SAME", "CAUSAL", "VALID"])
@pytest.mark.parametrize(
    ("frames", "taps", "stride", "dilation"),
    [(45, 33, 1, 1), (45, 12, 1, 1), (45, 5, 1, 2), (44, 11, 2, 1), (45, 4, 3, 1), (45, 3, 2, 2)],
)
def test_gradients_are_the_twins(path, padding, frames, taps, stride, dilation):
    inputs, kernel = arrays(path, frames, taps)
    exact = tf.cast(inputs, tf.float32)

    def gradients(function, inputs, kernel, sign=lambda x: x):
        with tf.GradientTape() as tape:
            tape.watch([inputs, kernel])
            outputs = function(inputs, kernel, stride, dilation, padding)
            weights = np.random.default_rng(1).standard_normal(outputs.shape)
            weights = sign(tf.cast(tf.cast(weights, tf.bfloat16), tf.float32))
            objective = tf.reduce_sum(tf.cast(outputs, tf.float32) * weights)
        return [
            np.asarray(tf.cast(g, tf.float32)) for g in tape.gradient(objective, [inputs, kernel])
        ]

    native_path = path == "native" and padding != "VALID"
    if path == "native" and not native_path:
        need_bfloat16()
    found = gradients(depthwise_convolve, inputs, kernel)
    expected = gradients(plain_depthwise_convolve, exact, kernel)
    # What is added up, by the absolute values of all that is multiplied.
    magnitudes = gradients(plain_depthwise_convolve, tf.abs(exact), tf.abs(kernel), tf.abs)
    all_terms = {"inputs": taps, "kernel": inputs.shape[0] * inputs.shape[1]}
    for (what, terms), *of in zip(all_terms.items(), found, expected, magnitudes):
        gradient, reference, sums = of
        limit = apart(terms, "float32") * sums
        if path == "native" and not native_path:
            # TensorFlow's own: without oneDNN it adds in bfloat16.
            limit += bound(terms + 1, "bfloat16") * sums
        elif path == "native" and what == "inputs":
            limit += stored(reference, "bfloat16")
        assert_within(gradient, reference, limit, what)


def test_unknown_batch_and_length(path):
    """In a graph for all shapes, as training traces it."""
    inputs, kernel = arrays(path, 31, 7)
    signature = [tf.TensorSpec((None, None, 64), inputs.dtype), tf.TensorSpec((7, 64, 1))]

    @tf.function(input_signature=signature)
    def run(inputs, kernel):
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            outputs = depthwise_convolve(inputs, kernel, 2, 1, "SAME")
            objective = tf.reduce_sum(tf.cast(outputs, tf.float32))
        return outputs, tape.gradient(objective, kernel)

    outputs, gradient = run(inputs, kernel)
    assert outputs.shape == (3, 16, 64) and gradient.shape == (7, 64, 1)
    longer = tf.pad(inputs, [[0, 0], [0, 1], [0, 0]])
    np.testing.assert_array_equal(
        tf.cast(outputs, tf.float32),
        tf.cast(depthwise_convolve(longer, kernel, 2, 1, "SAME"), tf.float32),
    )


def test_switched_off(monkeypatch):
    monkeypatch.setenv("OPEN_SEQ2SEQ_NATIVE", "0")
    native.look_again()
    assert native.operations() is None
    monkeypatch.undo()
    native.look_again()


def test_a_missing_compiler_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setattr(native.native_build, "build_folder", lambda sources, name: tmp_path)
    with pytest.raises(RunError, match="no-such-compiler"):
        native.build()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
