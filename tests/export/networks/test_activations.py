"""Activations are known by their values, and written with a graph's operations."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy.special import erf

from open_seq2seq.errors import InputError
from open_seq2seq.export.networks.activations import activation_of
from open_seq2seq.graphs.keras_builder import KerasBuilder
from open_seq2seq.ops.activations import gelu


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def elu(x, alpha=1.0, scale=1.0):
    return scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


KNOWN = {
    "linear": (keras.activations.linear, lambda x: x),
    "relu": (keras.activations.relu, lambda x: np.maximum(x, 0)),
    "ops_relu": (ops.relu, lambda x: np.maximum(x, 0)),
    "relu6": (keras.activations.relu6, lambda x: np.clip(x, 0, 6)),
    "clipped": (lambda x: ops.minimum(ops.relu(x), 20.0), lambda x: np.clip(x, 0, 20)),
    "clipped_at_half": (lambda x: ops.clip(x, 0.0, 0.5), lambda x: np.clip(x, 0, 0.5)),
    "hard_tanh": (lambda x: ops.clip(x, -1.0, 1.0), lambda x: np.clip(x, -1, 1)),
    "leaky_relu": (keras.activations.leaky_relu, lambda x: np.where(x > 0, x, 0.2 * x)),
    "less_leaky": (lambda x: ops.leaky_relu(x, 0.01), lambda x: np.where(x > 0, x, 0.01 * x)),
    "elu": (keras.activations.elu, elu),
    "elu_of_half": (lambda x: ops.elu(x, 0.5), lambda x: elu(x, 0.5)),
    "selu": (keras.activations.selu, lambda x: elu(x, 1.6732632423543772, 1.0507009873554805)),
    "gelu": (gelu, lambda x: 0.5 * x * (1 + erf(x / np.sqrt(2)))),
    "gelu_tanh": (
        lambda x: keras.activations.gelu(x, approximate=True),
        lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    ),
    "silu": (keras.activations.silu, lambda x: x * sigmoid(x)),
    "softplus": (keras.activations.softplus, lambda x: np.logaddexp(x, 0)),
    "softsign": (keras.activations.softsign, lambda x: x / (1 + np.abs(x))),
    "tanh": (keras.activations.tanh, np.tanh),
    "sigmoid": (keras.activations.sigmoid, sigmoid),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_activations(name):
    function, reference = KNOWN[name]
    x = np.random.default_rng(0).uniform(-40, 40, (2, 50, 3)).astype(np.float32)
    x[0] /= 20
    found = activation_of(function)(KerasBuilder(), ops.convert_to_tensor(x))
    expected = reference(x.astype(np.float64))
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize(
    "function",
    [
        keras.activations.mish,
        keras.activations.softmax,
        lambda x: ops.clip(ops.square(x), 0.0, 20.0),
        lambda x: ops.minimum(ops.relu(x), 20.0) + 0.001,
        lambda x: ops.where(ops.abs(x - 3.0) < 0.1, 0.0, ops.relu(x)),
        lambda x: ops.sum(x),
        lambda x: ops.relu(x - ops.mean(x, axis=1, keepdims=True)),
    ],
)
def test_other_functions_are_refused(function):
    with pytest.raises(InputError, match="activation_fn") as raised:
        activation_of(function)
    (problem,) = raised.value.problems
    assert function.__name__ in problem.found and "clip" in problem.expected and problem.remedy
