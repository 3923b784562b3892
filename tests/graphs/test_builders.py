"""Each operation of each builder against NumPy, on sizes that the graph does not know."""

import numpy as np
import pytest
import scipy.special

from open_seq2seq.graphs.builder import Recurrence
from open_seq2seq.ops.recurrent_cells import CELLS
from tests.graphs.backends import BACKENDS

RNG = np.random.default_rng(4)
VALUES = RNG.normal(size=(2, 7, 3)).astype(np.float32)
OTHERS = RNG.normal(size=(2, 7, 3)).astype(np.float32)
ROWS = RNG.normal(size=(2, 9)).astype(np.float32)
LENGTHS = np.array([7, 4], np.int32)
VECTOR = np.array([0.5, -2.0, 3.0], np.float32)


def scalar(g, value):
    """A whole number as a float, so that every builder can return it."""
    return g.to_float(g.reshape(value, (1, 1)))


CASES = {
    "arithmetic": (
        lambda g, x, y: [
            g.add(x, y), g.subtract(x, 1.5), g.subtract(1.5, x), g.multiply(x, VECTOR),
            g.divide(x, 3.0), g.divide(1.0, g.add(g.unary("square", x), 1.0)),
            g.maximum(x, y), g.minimum(x, 0.0),
        ],
        [VALUES, OTHERS],
        lambda x, y: [
            x + y, x - 1.5, 1.5 - x, x * VECTOR, x / 3, 1 / (x * x + 1),
            np.maximum(x, y), np.minimum(x, 0),
        ],
    ),
    "functions": (
        lambda g, x: [
            g.unary(kind, x)
            for kind in ("abs", "square", "exp", "sin", "cos", "sigmoid", "tanh", "relu", "erf")
        ] + [g.unary("trunc", g.multiply(x, 3.0)), g.unary("sqrt", g.unary("abs", x)),
             g.unary("log", g.unary("abs", x)), g.log_softmax(x)],
        [VALUES],
        lambda x: [
            np.abs(x), x * x, np.exp(x), np.sin(x), np.cos(x), 1 / (1 + np.exp(-x)), np.tanh(x),
            np.maximum(x, 0), scipy.special.erf(x), np.trunc(3 * x), np.sqrt(np.abs(x)),
            np.log(np.abs(x)), scipy.special.log_softmax(x, axis=-1),
        ],
    ),
    "choices": (
        lambda g, x, lengths: [
            g.select(g.less(x, 0.0), -7.0, x),
            g.select(
                g.less(g.expand_dims(g.arange(g.size(x, 1)), 0), g.expand_dims(lengths, 1)),
                g.reshape(g.cut(x, 2, 0, 1), (g.size(x, 0), -1)),
                0.0,
            ),
        ],
        [VALUES, LENGTHS],
        lambda x, lengths: [
            np.where(x < 0, -7, x),
            np.where(np.arange(7)[None] < lengths[:, None], x[:, :, 0], 0),
        ],
    ),
    "sizes": (
        lambda g, x: [
            scalar(g, g.size(x, 1)),
            scalar(g, g.floor_divide(g.add(g.size(x, 1), 1), 3)),
            scalar(g, g.maximum(g.subtract(g.size(x, 1), 9), 0)),
            scalar(g, g.minimum(g.multiply(g.size(x, 0), 5), 8)),
            scalar(g, g.size(x, 2)),
        ],
        [VALUES],
        lambda x: [np.full((1, 1), one) for one in (7, 2, 0, 8, 3)],
    ),
    "shapes": (
        lambda g, x: [
            g.reshape(x, (g.size(x, 0), -1)),
            g.expand_dims(x, 1),
            g.concatenate([x, x], 1), g.concatenate([x, x], 2),
            g.pad(x, 1, 2, 1), g.pad(x, 1, 0, g.size(x, 0)),
            g.cut(x, 1, 1, -1), g.cut(x, 1, 0, None, 2), g.cut(x, 2, 1, 3),
            g.cut(x, 1, 0, 100), g.cut(x, 1, 1, g.size(x, 0)),
            g.multiply(g.cut(g.by_frames(x), 1, 2, None), g.cut(x, 1, 2, None)),
            g.tile(x, 1, g.size(x, 0)), g.take(x, g.arange(2), 1), g.transpose(x, (2, 0, 1)),
            g.take(VALUES[0], g.arange(g.size(x, 0)), 0), g.as_frames(x),
            g.subtract(g.as_frames(x), VECTOR[0]),
        ],
        [VALUES],
        lambda x: [
            x.reshape(2, -1), x[:, None],
            np.concatenate([x, x], 1), np.concatenate([x, x], 2),
            np.pad(x, ((0, 0), (2, 1), (0, 0))), np.pad(x, ((0, 0), (0, 2), (0, 0))),
            x[:, 1:-1], x[:, ::2], x[:, :, 1:3], x[:, :100], x[:, 1:2],
            x[:, 2:] ** 2, np.tile(x, (1, 2, 1)), x[:, :2], x.transpose(2, 0, 1), x[0, :2],
            x.transpose(0, 2, 1), x.transpose(0, 2, 1) - VECTOR[0],
        ],
    ),
    "rows": (
        lambda g, x: [
            g.take_in_rows(x, g.to_whole(g.minimum(g.unary("abs", g.multiply(x, 3.0)), 8.0))),
            g.largest(x, 4),
            g.put_in_rows(x, g.to_whole(g.cut(g.multiply(x, 0.0), 1, 0, 1)), g.cut(x, 1, 5, 6)),
        ],
        [ROWS],
        lambda x: [
            np.take_along_axis(x, np.minimum(np.abs(3 * x), 8).astype(int), 1),
            np.sort(x, axis=1)[:, -4:-3],
            np.concatenate([x[:, 5:6], x[:, 1:]], axis=1),
        ],
    ),
    "reductions": (
        lambda g, x: [
            g.reduce("sum", x, (1,)), g.reduce("mean", x, (1, 2)), g.reduce("max", x, (2,)),
        ],
        [VALUES],
        lambda x: [
            x.sum(1, keepdims=True), x.mean((1, 2), keepdims=True), x.max(2, keepdims=True),
        ],
    ),
    "products": (
        lambda g, x, y: [
            g.matmul(x, np.eye(3, 5, dtype=np.float32)),
            g.matmul(np.ones((4, 7), np.float32), y),
            g.dense(x, np.arange(12, dtype=np.float32).reshape(3, 4), np.ones(4, np.float32)),
        ],
        [VALUES, OTHERS],
        lambda x, y: [
            x @ np.eye(3, 5), np.ones((4, 7)) @ y, x @ np.arange(12.0).reshape(3, 4) + 1,
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES)
def test_operations(case, backend):
    graph, inputs, expected = CASES[case]
    found = BACKENDS[backend](graph, inputs)
    for one, other in zip(found, expected(*inputs), strict=True):
        assert one.shape == np.shape(other)
        np.testing.assert_allclose(one, other, rtol=2e-6, atol=2e-6)


def convolved(x, kernel, bias, stride, dilation, padding):
    """A convolution over time, tap by tap."""
    x = np.pad(x.astype(np.float64), ((0, 0), padding, (0, 0)))
    span = (len(kernel) - 1) * dilation
    count = (x.shape[1] - span - 1) // stride + 1
    last = (count - 1) * stride + 1
    taps = [x[:, tap * dilation :][:, :last:stride] @ kernel[tap] for tap in range(len(kernel))]
    return sum(taps) + bias


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("frames", [9, 10, 12])
@pytest.mark.parametrize(
    ("taps", "stride", "dilation", "padding"),
    [
        (1, 1, 1, (0, 0)),
        (1, 2, 1, (0, 0)),
        (5, 1, 1, (2, 2)),
        (4, 1, 1, (1, 2)),
        (4, 1, 1, (3, 0)),
        (5, 2, 1, (1, 3)),
        (5, 3, 1, (1, 3)),
        (3, 1, 2, (2, 2)),
        (3, 1, 3, (6, 0)),
        (3, 1, 1, (0, 0)),
    ],
)
def test_convolutions(taps, stride, dilation, padding, frames, backend):
    x = RNG.normal(size=(2, frames, 4)).astype(np.float32)
    kernel = RNG.normal(size=(taps, 4, 5)).astype(np.float32)
    depthwise = RNG.normal(size=(taps, 4)).astype(np.float32)
    bias = RNG.normal(size=5).astype(np.float32)

    def graph(g, x):
        plain = g.convolve(x, kernel, bias, (stride,), (dilation,), (padding,))
        own = g.convolve_depthwise(x, depthwise, stride, dilation, padding)
        # What follows works in either layout: a vector of channels, a mask over time, a sum.
        again = g.add(g.multiply(own, np.arange(4, dtype=np.float32)), own)
        return [plain, own, g.dense(again, kernel[0])]

    own = convolved(x, depthwise[:, :, None] * np.eye(4), 0, stride, dilation, padding)
    expected = [
        convolved(x, kernel, bias, stride, dilation, padding),
        own,
        (own * np.arange(4) + own) @ kernel[0],
    ]
    for one, other in zip(BACKENDS[backend](graph, [x]), expected, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_convolution_over_time_and_width(backend):
    x = RNG.normal(size=(2, 7, 6, 3)).astype(np.float32)
    kernel = RNG.normal(size=(3, 2, 3, 4)).astype(np.float32)

    def graph(g, x):
        image = g.convolve(x, kernel, None, (2, 1), (1, 1), ((1, 1), (0, 1)))
        return [image, g.reshape(image, (g.size(image, 0), g.size(image, 1), 24))]

    padded = np.pad(x, ((0, 0), (1, 1), (0, 1), (0, 0)))
    expected = sum(
        padded[:, i : i + 7 : 2][:, :4, j : j + 6] @ kernel[i, j]
        for i in range(3)
        for j in range(2)
    )
    found = BACKENDS[backend](graph, [x])
    np.testing.assert_allclose(found[0], expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found[1], found[0].reshape(2, 4, 24))


def recurred(cell, x, direction, lengths):
    """A recurrent layer, utterance by utterance and step by step, with the cell of training."""
    outputs = np.zeros((*x.shape[:2], direction.units), np.float32)
    weights = dict(direction.weights) | {"bias": np.zeros_like(direction.bias)}
    for row, count in enumerate(lengths):
        hidden = memory = np.zeros((1, direction.units), np.float32)
        places = range(count)[::-1] if direction.backward else range(count)
        for place in places:
            frame = x[row : row + 1, place] @ direction.kernel + direction.bias
            hidden, memory = CELLS[cell].step(frame, hidden, memory, weights)
            outputs[row, place] = np.asarray(hidden)
    return outputs


def weights_of(cell, units, scale):
    gates = CELLS[cell].gates
    shapes = {"recurrent_kernel": (units, gates * units), "recurrent_bias": (gates * units,)}
    shapes |= dict.fromkeys(["gate_gamma", "gate_beta"], (gates, units))
    shapes |= dict.fromkeys(["state_gamma", "state_beta"], (units,))
    names = ["recurrent_kernel", *(one for one in CELLS[cell].extra if one != "bias")]
    return {name: (RNG.normal(size=shapes[name]) * scale).astype(np.float32) for name in names}


@pytest.mark.parametrize("backend", ["tensorflow", "onnx"])
@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell != "layer_norm_lstm"])
def test_recurrent_layers_that_go_on(cell, backend):
    """Two pieces give what the whole gives, and the state that they end in."""
    units, gates = 5, CELLS[cell].gates
    kernel = RNG.normal(size=(3, gates * units)).astype(np.float32)
    bias = RNG.normal(size=gates * units).astype(np.float32)
    direction = Recurrence(cell, kernel, bias, weights_of(cell, units, 0.5))
    states = [np.zeros((2, units), np.float32)] * len(CELLS[cell].states)

    def graph(g, x, *states):
        first, after = g.recur_on(g.cut(x, 1, 0, 3), direction, states)
        second, end = g.recur_on(g.cut(x, 1, 3, None), direction, after)
        return [g.concatenate([first, second], 1), *end]

    found, *end = BACKENDS[backend](graph, [VALUES, *states])
    expected = recurred(cell, VALUES, direction, [7, 7])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(end[0], expected[:, -1], rtol=1e-4, atol=1e-4)
    assert len(end) == len(states)


@pytest.mark.parametrize("backend", ["tensorflow", "onnx"])
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_recurrent_layers(cell, masked, backend):
    units, gates = 5, CELLS[cell].gates
    # Large enough for the clipping of "relu" to matter.
    scale = 3.0 if cell == "relu" else 0.5
    directions = [
        Recurrence(
            cell,
            (RNG.normal(size=(3, gates * units)) * scale).astype(np.float32),
            RNG.normal(size=gates * units).astype(np.float32) * ("bias" in CELLS[cell].extra),
            weights_of(cell, units, scale),
            backward,
        )
        for backward in (False, True)
    ]

    def graph(g, x, lengths):
        both = g.recur(x, directions, lengths if masked else None)
        alone = g.recur(x, directions[1:], lengths if masked else None)
        return [*both, *alone]

    found = BACKENDS[backend](graph, [VALUES, LENGTHS])
    lengths = LENGTHS if masked else [7, 7]
    expected = [recurred(cell, VALUES, one, lengths) for one in directions]
    for one, other in zip(found, [*expected, expected[1]], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
