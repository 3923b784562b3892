"""Weights of ONNX graphs in fewer bits."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from open_seq2seq.export.quantization.onnx_stored import store_float16, store_int8

RNG = np.random.default_rng(0)


def product(*weights):
    """`x @ w` of each."""
    names = [f"w{number}" for number in range(len(weights))]
    nodes = [helper.make_node("MatMul", ["x", name], [f"y{name}"], name) for name in names]
    graph = helper.make_graph(
        nodes,
        "products",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, weights[0].shape[0]])],
        [helper.make_tensor_value_info(f"y{n}", TensorProto.FLOAT, [None, None]) for n in names],
        [numpy_helper.from_array(one, name) for name, one in zip(names, weights)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def outputs(model, x):
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"x": x})


def test_float16_is_what_numpy_makes_of_it():
    weights = RNG.standard_normal((30, 20)).astype(np.float32)
    model = product(weights)
    before = model.ByteSize()
    store_float16(model, model.graph.initializer)
    assert model.ByteSize() < 0.6 * before
    (found,) = outputs(model, np.eye(30, dtype=np.float32))
    np.testing.assert_array_equal(found, weights.astype(np.float16).astype(np.float32))


def test_what_float16_cannot_hold_stays():
    weights = np.array([[7e4, 1.0]], np.float32)
    other = np.array([[6e4, 1.1]], np.float32)
    model = product(weights, other)
    store_float16(model, model.graph.initializer)
    first, second = outputs(model, np.ones((1, 1), np.float32))
    np.testing.assert_array_equal(first, weights)
    np.testing.assert_array_equal(second, other.astype(np.float16).astype(np.float32))


@pytest.mark.parametrize("shape", [(6, 50), (2, 6, 50)])
def test_int8_is_off_by_half_a_step_of_its_row(shape):
    weights = RNG.standard_normal(shape).astype(np.float32) * 10 ** RNG.uniform(
        -3, 3, (*shape[:-1], 1)
    ).astype(np.float32)
    weights.reshape(-1, 50)[1] = 0
    model = product(np.eye(1, dtype=np.float32))
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, "w0"))
    model.graph.node[0].CopyFrom(helper.make_node("Add", ["w0", "x"], ["yw0"], "w0"))
    before = model.ByteSize()
    store_int8(model, model.graph.initializer)
    assert model.ByteSize() < 0.75 * before
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (found,) = session.run(None, {"x": np.zeros((1, 1), np.float32)})
    step = np.abs(weights).max(axis=-1, keepdims=True) / 127
    assert (np.abs(found - weights) <= 0.501 * step).all()
    assert np.abs(found - weights).max() > 0
