"""How ONNX graphs lie in memory: what runtimes are fast at."""

import numpy as np
import onnxruntime
import pytest

from open_seq2seq.export.onnx_builder import OnnxBuilder

KERNEL = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
POINTWISE = np.random.default_rng(1).standard_normal((1, 4, 4)).astype(np.float32)


def built(write):
    """The model that `write` makes of `[batch, time, 4]`."""
    g = OnnxBuilder()
    x = g.input("x", np.float32, ("batch", "time", 4))
    y = write(g, x)
    return g.model([("y", y, np.float32, ("batch", "rows", y.shape[-1]))])


def block(g, x):
    x = g.convolve_depthwise(x, KERNEL, 1, 1, (1, 1))
    return g.unary("relu", g.convolve(x, POINTWISE, None, (1,), (1,), ((0, 0),)))


def test_convolutions_over_time_are_those_of_an_image():
    """ONNX Runtime is several times slower on depthwise convolutions of one axis."""
    nodes = built(block).graph.node
    kernels = [list(one.ints) for node in nodes for one in node.attribute if one.name == "pads"]
    assert kernels == [[0, 1, 0, 1], [0, 0, 0, 0]]


def test_nothing_lies_between_convolutions():
    """One layout from the first to the last, through a residual, a mask and a concatenation."""

    def network(g, x):
        mask = g.expand_dims(g.to_float(g.less(g.arange(g.size(x, 1)), 5)), 1)
        source = block(g, x)
        outputs = g.add(block(g, g.multiply(source, mask)), source)
        outputs = block(g, g.cut(g.pad(outputs, 1, 2, 1), 1, 1, None))
        outputs = g.concatenate([outputs, outputs], 2)
        return g.dense(outputs, np.ones((8, 3), np.float32))

    model = built(network)
    operators = [node.op_type for node in model.graph.node]
    first, last = operators.index("Conv"), len(operators) - operators[::-1].index("Conv")
    # The mask is made on the way.
    assert operators[first:last].count("Transpose") <= 1
    assert operators.count("Transpose") <= 3
    session = onnxruntime.InferenceSession(model.SerializeToString())
    x = np.random.default_rng(2).standard_normal((2, 9, 4)).astype(np.float32)
    (found,) = session.run(None, {"x": x})
    np.testing.assert_allclose(found, _expected(x), rtol=1e-4, atol=1e-4)


def _expected(x):
    def block(x):
        padded = np.pad(x, ((0, 0), (1, 1), (0, 0)))
        filtered = sum(padded[:, tap : tap + x.shape[1]] * KERNEL[tap] for tap in range(3))
        return np.maximum(filtered @ POINTWISE[0], 0)

    source = block(x)
    outputs = block(source * (np.arange(9) < 5)[:, None]) + source
    outputs = block(np.pad(outputs, ((0, 0), (2, 1), (0, 0)))[:, 1:])
    return np.tile(2 * outputs.sum(-1, keepdims=True), 3)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_axis_of_what_was_convolved(axis):
    """Cuts, sums and sizes along each axis, before and after the layout has changed."""

    def network(g, x):
        y = block(g, x)
        part = g.reverse(g.cut(y, axis, 0, 1), 1)
        return g.add(g.add(part, g.reduce("max", y, (axis,))), g.to_float(g.size(y, axis)))

    x = np.random.default_rng(3).standard_normal((2, 7, 4)).astype(np.float32)
    session = onnxruntime.InferenceSession(built(network).SerializeToString())
    (found,) = session.run(None, {"x": x})
    (y,) = onnxruntime.InferenceSession(built(block).SerializeToString()).run(None, {"x": x})
    part = np.take(y, [0], axis)[:, ::-1]
    np.testing.assert_allclose(found, part + y.max(axis, keepdims=True) + y.shape[axis], rtol=1e-5)
