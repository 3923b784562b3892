"""Activations, written with the operations of a graph.

A config may name an activation or hold a function of its own, such as `lambda x:
ops.minimum(ops.relu(x), 20.0)`. So it is known by its values: it is the first formula that gives
the same ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import keras
import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.export.eager import eager
from open_seq2seq.graphs.builder import GraphBuilder, Value
from open_seq2seq.graphs.keras_builder import KerasBuilder
from open_seq2seq.tensors import Activation

# An activation of a graph's values.
Formula = Callable[[GraphBuilder, Value], Value]

# As large as a number before an activation may be; of both signs, and densely around zero.
_LARGEST = 1e4
_POSITIVE = np.concatenate([np.linspace(0, 30, 3001), np.geomspace(30, _LARGEST, 201)[1:]])
_GRID = np.concatenate([-_POSITIVE[:0:-1], _POSITIVE]).astype(np.float32)

_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def activation_of(function: Activation) -> Formula:
    """The formula of an activation.

    Args:
      function: of a tensor of any shape.

    Raises:
      InputError: no formula has its values.
    """
    with eager():
        # As [batch, time, channel], so that a function over an axis has other values.
        grid = keras.ops.convert_to_tensor(np.resize(_GRID, (2, len(_GRID) // 4 + 1, 2)))
        values = np.asarray(keras.ops.convert_to_numpy(function(grid)))
        if values.shape == tuple(grid.shape):
            for formula in _formulas(values.reshape(-1)[: len(_GRID)]):
                found = keras.ops.convert_to_numpy(formula(KerasBuilder(), grid))
                if np.allclose(found, values, rtol=1e-5, atol=1e-6):
                    return formula
    problem = Problem(
        "encoder_params/activation_fn",
        f"{getattr(function, '__name__', function)!r}, a function that no runtime is known to have",
        "relu, relu6, leaky_relu, elu, selu, gelu, silu, softplus, softsign, tanh, sigmoid, linear "
        "or a clip such as min(relu(x), 20)",
        "Train with one of these, or run this model by its checkpoint.",
    )
    raise InputError("The network's activation can't be exported.", [problem])


def _formulas(values: np.ndarray) -> Iterator[Formula]:
    """What may have these values of the grid: formulas without parameters, then those with some."""
    yield from (_linear, _relu, _tanh, _sigmoid, _gelu, gelu_tanh, silu, _softplus, _softsign)
    lowest, highest = float(values[0]), float(values[-1])
    yield _clip(lowest, highest)
    yield _leaky_relu(lowest / float(_GRID[0]))
    yield _elu(1.0, -lowest)
    yield _elu(_SELU_SCALE, _SELU_SCALE * _SELU_ALPHA)


def _linear(g: GraphBuilder, x: Value) -> Value:
    return x


def _relu(g: GraphBuilder, x: Value) -> Value:
    return g.unary("relu", x)


def _tanh(g: GraphBuilder, x: Value) -> Value:
    return g.unary("tanh", x)


def _sigmoid(g: GraphBuilder, x: Value) -> Value:
    return g.unary("sigmoid", x)


def _gelu(g: GraphBuilder, x: Value) -> Value:
    """Exact (Hendrycks and Gimpel 2016)."""
    # Divided: so ONNX Runtime finds that it is one operation of its own.
    share = g.add(g.unary("erf", g.divide(x, math.sqrt(2))), 1.0)
    return g.multiply(g.multiply(x, 0.5), share)


def gelu_tanh(g: GraphBuilder, x: Value) -> Value:
    """The Gaussian error linear unit, approximated by a hyperbolic tangent."""
    cube = g.multiply(g.multiply(g.unary("square", x), x), 0.044715)
    angle = g.multiply(g.add(x, cube), math.sqrt(2 / math.pi))
    return g.multiply(g.multiply(x, 0.5), g.add(g.unary("tanh", angle), 1.0))


def silu(g: GraphBuilder, x: Value) -> Value:
    return g.multiply(x, g.unary("sigmoid", x))


def _softplus(g: GraphBuilder, x: Value) -> Value:
    """`log(1 + exp(x))`, of which nothing overflows."""
    small = g.unary("exp", g.multiply(g.unary("abs", x), -1.0))
    return g.add(g.unary("relu", x), g.unary("log", g.add(small, 1.0)))


def _softsign(g: GraphBuilder, x: Value) -> Value:
    return g.divide(x, g.add(g.unary("abs", x), 1.0))


def _clip(lowest: float, highest: float) -> Formula:
    def clip(g: GraphBuilder, x: Value) -> Value:
        at_least = g.unary("relu", x) if lowest == 0 else g.maximum(x, lowest)
        return g.minimum(at_least, highest)

    return clip


def _leaky_relu(slope: float) -> Formula:
    def leaky_relu(g: GraphBuilder, x: Value) -> Value:
        return g.maximum(x, g.multiply(x, slope))

    return leaky_relu


def _elu(scale: float, depth: float) -> Formula:
    """`scale * x` above zero, `depth * (exp(x) - 1)` below."""

    def elu(g: GraphBuilder, x: Value) -> Value:
        above = g.unary("relu", x)
        above = above if scale == 1 else g.multiply(above, scale)
        below = g.subtract(g.unary("exp", g.minimum(x, 0.0)), 1.0)
        return g.add(above, g.multiply(below, depth))

    return elu
