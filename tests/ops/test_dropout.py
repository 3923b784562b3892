"""Dropout on every path: shares, scale, gradient, and where the numbers come from."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from open_seq2seq.ops import tensorflow_native
from open_seq2seq.ops.dropout import dropout
from tests.machines import need_kernels
from tests.rounding import assert_within, stored

RATE = 0.3


@pytest.fixture(params=["keras", "native"])
def path(request, monkeypatch):
    """Keras's dropout, and the C++ kernels'."""
    if request.param == "native":
        need_kernels()
    else:
        monkeypatch.setattr(tensorflow_native, "takes_dropout", lambda _: False)
    return request.param


def kept(rate=RATE, seed=0, shape=(40, 100, 33), dtype=tf.bfloat16):
    """Which values of a tensor of ones are kept, and what they become."""
    generator = seed if isinstance(seed, keras.random.SeedGenerator) else generator_of(seed)
    outputs = dropout(tf.ones(shape, dtype), rate, generator)
    assert outputs.dtype == dtype and outputs.shape == shape
    values = tf.cast(outputs, tf.float32).numpy()
    return values != 0, values


def limit(scaled, dtype):
    """The share that is kept is rounded, its inverse, and the product; ours to 1 / 65536 first."""
    return 3 * stored(scaled, dtype.name) + np.abs(scaled) * 2.0**-17 / (1 - 0.9)


def generator_of(seed):
    return keras.random.SeedGenerator(seed)


@pytest.mark.parametrize("dtype", [tf.bfloat16, tf.float32], ids=lambda d: d.name)
@pytest.mark.parametrize("rate", [0.01, 0.3, 0.9])
def test_share_and_scale(path, rate, dtype):
    mask, values = kept(rate, dtype=dtype)
    deviation = np.sqrt(rate * (1 - rate) / mask.size)
    # Keras draws in the values' own dtype: bfloat16 has 128 numbers from 0 to 1.
    coarse = 1 / 128 if path == "keras" and dtype == tf.bfloat16 else 0
    assert abs(mask.mean() - (1 - rate)) < 4 * deviation + coarse
    assert_within(values[mask], np.full(mask.sum(), 1 / (1 - rate)), limit(1 / (1 - rate), dtype))
    # Each channel, and each frame, has its own share: no position is always kept.
    for axes in ((0, 1), (0, 2)):
        share = mask.mean(axis=axes)
        spread = np.sqrt(rate * (1 - rate) / (mask.size / share.size))
        assert np.abs(share - (1 - rate)).max() < 6 * spread + coarse


@pytest.mark.parametrize("distance", [1, 2, 8, 16, 32, 33, 64, 4096])
def test_values_are_dropped_independently(path, distance):
    mask = kept()[0].ravel() - (1 - RATE)
    correlation = np.mean(mask[distance:] * mask[:-distance]) / (RATE * (1 - RATE))
    assert abs(correlation) < 4 / np.sqrt(mask.size)


def test_the_generator_decides(path):
    generator = generator_of(5)
    first, second = kept(seed=generator)[0], kept(seed=generator)[0]
    np.testing.assert_array_equal(first, kept(seed=5)[0])
    for other in (second, kept(seed=6)[0]):
        correlation = np.corrcoef(first.ravel(), other.ravel())[0, 1]
        assert abs(correlation) < 4 / np.sqrt(first.size)


@pytest.mark.parametrize("dtype", [tf.bfloat16, tf.float32], ids=lambda d: d.name)
def test_the_gradient_passes_where_values_do(path, dtype):
    inputs = tf.cast(np.random.default_rng(0).standard_normal((3, 50, 7)), dtype)
    weights = tf.cast(np.random.default_rng(1).standard_normal((3, 50, 7)), dtype)
    generator = generator_of(0)

    @tf.function
    def run():
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = dropout(inputs, RATE, generator)
        return outputs, tape.gradient(outputs, inputs, weights)

    outputs, gradient = (tf.cast(values, tf.float32).numpy() for values in run())
    mask = outputs != 0
    assert 0.5 < mask.mean() < 0.9
    for found, source in ((outputs, inputs), (gradient, weights)):
        expected = np.where(mask, tf.cast(source, tf.float32) / (1 - RATE), 0)
        assert_within(found, expected, limit(expected, dtype))


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 16384, 16385])
def test_every_size(path, size):
    mask, _ = kept(0.5, shape=(size,))
    assert abs(mask.sum() - size / 2) <= 3 * np.sqrt(size) + 1


def test_rate_zero_draws_nothing(path):
    generator = generator_of(0)
    before = np.array(generator.state.value)
    assert kept(0.0, seed=generator)[0].all()
    np.testing.assert_array_equal(before, generator.state.value)


def test_a_mask_is_kept_or_dropped_by_position_alone():
    need_kernels()
    whole, part = kept(shape=(5 * 16384,))[0], kept(shape=(16384,))[0]
    np.testing.assert_array_equal(part, whole[:16384])
