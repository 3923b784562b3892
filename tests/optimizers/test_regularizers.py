"""Regularizers as TensorFlow 1 counts them, and the initialisers' distributions."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from open_seq2seq.errors import InputError
from open_seq2seq.optimizers import INITIALIZERS, REGULARIZERS, l2_regularizer, xavier_initializer
from tests.machines import need_bfloat16


@settings(deadline=None)
@given(scale=st.floats(0.0, 1e4), seed=st.integers(0, 100))
def test_l2_is_half_the_sum_of_squares(scale, seed):
    weights = np.random.default_rng(seed).normal(size=(4, 3)).astype(np.float32)
    value = float(l2_regularizer(scale)(ops.convert_to_tensor(weights)))
    assert value == pytest.approx(scale * np.sum(weights.astype(np.float64) ** 2) / 2, rel=1e-5)


def test_l2_in_a_layer_under_mixed_precision_is_float32():
    need_bfloat16()
    layer = keras.layers.Dense(
        3, kernel_regularizer=l2_regularizer(0.5), dtype="mixed_bfloat16", use_bias=False
    )
    layer(np.zeros((1, 4), np.float32))
    kernel = ops.convert_to_numpy(layer.kernel).astype(np.float64)
    assert keras.backend.standardize_dtype(layer.losses[0].dtype) == "float32"
    assert float(layer.losses[0]) == pytest.approx(0.25 * np.sum(kernel**2), rel=1e-6)


@pytest.mark.parametrize("table", [REGULARIZERS, INITIALIZERS])
def test_tables_describe_their_factories(table):
    for name, factory in table.items():
        assert factory.PARAMS.name == name
        assert all(param.help.endswith(".") for param in factory.PARAMS.params)


def test_a_negative_scale_is_refused():
    with pytest.raises(InputError, match="at least 0"):
        l2_regularizer.PARAMS.parse({"scale": -1})


# Shape, inputs of an output, outputs of an input: dense, 1-D and 2-D convolution, depthwise.
SHAPES = [
    ((200, 300), 200, 300),
    ((11, 64, 96), 704, 1056),
    ((3, 5, 40, 60), 600, 900),
    ((51, 512, 1), 51 * 512, 51),
]


@pytest.mark.parametrize(("shape", "fan_in", "fan_out"), SHAPES)
class TestXavier:
    def draw(self, shape, uniform):
        keras.utils.set_random_seed(0)
        return ops.convert_to_numpy(xavier_initializer(uniform=uniform)(shape, dtype="float32"))

    def test_uniform(self, shape, fan_in, fan_out):
        weights = self.draw(shape, True)
        limit = np.sqrt(3.0 / ((fan_in + fan_out) / 2))
        assert weights.shape == shape
        assert np.abs(weights).max() <= limit
        assert np.abs(weights).max() > 0.99 * limit
        # The deviation of a mean, and of the variance of a uniform distribution.
        count = weights.size
        assert abs(weights.mean()) < 5 * limit / np.sqrt(3 * count)
        assert weights.var() == pytest.approx(limit**2 / 3, rel=5 / np.sqrt(count))
        quarters, _ = np.histogram(weights, bins=4, range=(-limit, limit))
        np.testing.assert_allclose(quarters, count / 4, rtol=5 * np.sqrt(3 / count))

    def test_normal(self, shape, fan_in, fan_out):
        weights = self.draw(shape, False)
        deviation = np.sqrt(1.3 / ((fan_in + fan_out) / 2))
        assert np.abs(weights).max() <= 2 * deviation * (1 + 1e-6)
        assert np.abs(weights).max() > 1.95 * deviation
        # The variance of a normal distribution cut off at two deviations is 0.7737 of it.
        count = weights.size
        assert weights.var() == pytest.approx(0.7737 * deviation**2, rel=6 / np.sqrt(count))
        within_one = np.mean(np.abs(weights) < deviation)
        assert within_one == pytest.approx(0.6827 / 0.9545, abs=5 * 0.5 / np.sqrt(count))

    def test_the_global_seed_rules(self, shape, fan_in, fan_out):
        for uniform in (True, False):
            np.testing.assert_array_equal(self.draw(shape, uniform), self.draw(shape, uniform))

    def test_calls_differ(self, shape, fan_in, fan_out):
        """One object is shared by all layers of a model."""
        initializer = xavier_initializer()
        first, second = (ops.convert_to_numpy(initializer(shape)) for _ in range(2))
        assert np.abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.05


@pytest.mark.parametrize(("mode", "n"), [("FAN_IN", 600), ("FAN_OUT", 900), ("FAN_AVG", 750)])
@pytest.mark.parametrize("uniform", [True, False])
def test_variance_scaling(mode, n, uniform):
    keras.utils.set_random_seed(0)
    weights = ops.convert_to_numpy(
        INITIALIZERS["variance_scaling_initializer"](3.0, mode, uniform)((3, 5, 40, 60))
    )
    # 1.3 x 0.7737, the variance left by the cut, is 1.0058.
    assert weights.var() == pytest.approx(3.0 / n * (1 if uniform else 1.0058), rel=0.02)
    assert (np.abs(weights).max() <= np.sqrt(9.0 / n) * (1 + 1e-6)) == uniform


@pytest.mark.parametrize(
    ("name", "params", "mean", "deviation", "low", "high"),
    [
        ("random_normal_initializer", {"mean": 1.0, "stddev": 0.1}, 1.0, 0.1, -np.inf, np.inf),
        ("truncated_normal_initializer", {"mean": 1.0, "stddev": 0.1}, 1.0, 0.08796, 0.8, 1.2),
        ("random_uniform_initializer", {"minval": -1.0, "maxval": 3.0}, 1.0, 1.1547, -1, 3),
        ("glorot_uniform_initializer", {}, 0.0, np.sqrt(2 / 300), -0.1415, 0.1415),
    ],
)
def test_plain_distributions(name, params, mean, deviation, low, high):
    keras.utils.set_random_seed(0)
    factory = INITIALIZERS[name]
    weights = ops.convert_to_numpy(factory(**factory.PARAMS.parse(params))((100, 200)))
    assert weights.mean() == pytest.approx(mean, abs=5 * deviation / np.sqrt(weights.size))
    assert weights.std() == pytest.approx(deviation, rel=0.02)
    assert low <= weights.min() and weights.max() <= high


def test_l1_and_both():
    weights = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    absolute, squares = np.abs(weights).sum(), np.square(weights).sum() / 2
    l1 = REGULARIZERS["l1_regularizer"](0.3)
    both = REGULARIZERS["l1_l2_regularizer"](scale_l1=0.3, scale_l2=0.5)
    weights = ops.convert_to_tensor(weights)
    assert float(l1(weights)) == pytest.approx(0.3 * absolute, rel=1e-5)
    assert float(both(weights)) == pytest.approx(0.3 * absolute + 0.5 * squares, rel=1e-5)


def test_layers_can_be_saved_with_it():
    config = keras.initializers.serialize(xavier_initializer(uniform=False))
    assert keras.initializers.deserialize(config).uniform is False
