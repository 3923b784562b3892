"""Batch normalization on every path against NumPy, and against the plain twin's gradients."""

import numpy as np
import pytest
import tensorflow as tf

from open_seq2seq.ops.normalization import batch_normalize, plain_batch_normalize
from tests.ops.test_depthwise import path  # noqa: F401  (a fixture)

OPTIONS = [
    {},
    {"relu": True},
    {"residual": True},
    {"relu": True, "residual": True, "lengths": True},
    {"relu": True, "lengths": True},
]


def arrays(path, frames=150, channels=32):  # noqa: F811
    rng = np.random.default_rng(0)
    dtype = tf.bfloat16 if path == "native" else tf.float32
    # Far from zero, where squares minus the squared mean would lose all digits.
    inputs = tf.cast(rng.standard_normal((4, frames, channels)) * 2 + 30, tf.bfloat16)
    residual = tf.cast(rng.standard_normal((4, frames, channels)), tf.bfloat16)
    gamma = tf.constant(rng.uniform(0.5, 2, channels), tf.float32)
    beta = tf.constant(rng.standard_normal(channels), tf.float32)
    lengths = tf.constant([frames, 100, 3, 0])
    return tf.cast(inputs, dtype), gamma, beta, tf.cast(residual, dtype), lengths


def chosen(options, residual, lengths):
    return {
        "relu": options.get("relu", False),
        "residual": residual if options.get("residual") else None,
        "lengths": lengths if options.get("lengths") else None,
    }


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("function", [batch_normalize, plain_batch_normalize])
def test_against_numpy(path, function, options):  # noqa: F811
    inputs, gamma, beta, residual, lengths = arrays(path)
    outputs, mean, variance = function(
        inputs, gamma, beta, 1e-3, **chosen(options, residual, lengths)
    )
    values = np.float64(tf.cast(inputs, tf.float32))
    np.testing.assert_allclose(mean, values.mean((0, 1)), rtol=1e-5)
    rows = values.reshape(-1, values.shape[2])
    np.testing.assert_allclose(variance, rows.var(0, ddof=1), rtol=1e-3)
    expected = (values - rows.mean(0)) / np.sqrt(rows.var(0) + 1e-3) * np.asarray(gamma)
    expected = expected + np.asarray(beta)
    if options.get("residual"):
        expected = expected + np.float64(tf.cast(residual, tf.float32))
    if options.get("relu"):
        expected = np.maximum(expected, 0)
    if options.get("lengths"):
        expected[np.arange(150) >= np.asarray(lengths)[:, None]] = 0
    tolerance = 0.06 if path == "native" else 1e-3
    assert outputs.dtype == inputs.dtype
    np.testing.assert_allclose(tf.cast(outputs, tf.float32), expected, atol=tolerance)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_gradients_are_the_twins(path, options):  # noqa: F811
    inputs, gamma, beta, residual, lengths = arrays(path)
    weights = tf.cast(np.random.default_rng(1).standard_normal(inputs.shape), tf.bfloat16)
    weights = tf.cast(weights, tf.float32)

    def gradients(function, inputs, residual):
        sources = [inputs, gamma, beta, residual]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            outputs, _, _ = function(
                inputs, gamma, beta, 1e-3, **chosen(options, residual, lengths)
            )
            objective = tf.reduce_sum(tf.cast(outputs, tf.float32) * weights)
        found = tape.gradient(objective, sources, unconnected_gradients="zero")
        return [np.asarray(tf.cast(gradient, tf.float32)) for gradient in found]

    found = gradients(batch_normalize, inputs, residual)
    exact = [tf.cast(tensor, tf.float32) for tensor in (inputs, residual)]
    expected = gradients(plain_batch_normalize, *exact)
    tolerance = 0.01 if path == "native" else 1e-3
    for gradient, reference in zip(found, expected):
        # Outputs next to zero may round to either side of the ReLU.
        far = np.abs(gradient - reference) > tolerance * max(np.abs(reference).max(), 1.0)
        assert far.mean() < (1e-3 if path == "native" else 1e-6)


def test_nan_stays_nan(path):  # noqa: F811
    """A ReLU that swallowed it would hide a broken step."""
    inputs, gamma, beta, _, _ = arrays(path)
    inputs = tf.concat([inputs[:, :, :-1], inputs[:, :, -1:] * float("nan")], axis=2)
    outputs, mean, _ = batch_normalize(inputs, gamma, beta, 1e-3, relu=True)
    assert np.isnan(np.asarray(mean)[-1])
    assert np.isnan(np.asarray(tf.cast(outputs, tf.float32))[:, :, -1]).all()
