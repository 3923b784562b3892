"""Multiply-accumulates of ONNX graphs against numbers worked out by hand, and counts of nodes."""

from collections import Counter

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks.inference_models import network_alone
from benchmarks.inference_operations import (
    by_kind,
    multiply_accumulates,
    operations_of_graph,
    operations_of_model,
    products_of_a_second,
)
from open_seq2seq.export.formats.onnx import onnx_model
from open_seq2seq.export.onnx_builder import IR_VERSION, OPSET
from open_seq2seq.export.trained_model import TrainedModel
from tests.export.small_models import RATE, small_experiment


def graph(nodes, shape, constants):
    """A model with one input `x` of these sizes, whose last node's output is `y`."""
    arrays = {
        name: value if isinstance(value, np.ndarray) else np.zeros(value, np.float32)
        for name, value in constants.items()
    }
    whole = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(whole, opset_imports=opsets, ir_version=IR_VERSION)
    return model, {"x": np.zeros([one if isinstance(one, int) else 11 for one in shape], "f4")}


NONE = {"dense": 0, "depthwise": 0, "matrices": 0, "recurrent": 0}


@pytest.mark.parametrize(
    ("group", "kind", "count"),
    [
        # 9 frames (11 of 5 taps, 2 zeros, stride 1), 6 outputs, 5 taps of 4 channels each.
        (1, "dense", 9 * 6 * 5 * 4),
        # The same with channels of two groups: each output sees 2.
        (2, "depthwise", 9 * 6 * 5 * 2),
    ],
)
def test_a_convolution(group, kind, count):
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], group=group, pads=[1, 1])
    model = graph([node], [1, 4, "time"], {"w": (6, 4 // group, 5), "b": (6,)})
    assert multiply_accumulates(*model) == {**NONE, kind: count}


def test_a_convolution_over_an_image():
    node = helper.make_node("Conv", ["x", "w"], ["y"], strides=[3, 2], dilations=[2, 1])
    # Time: (11 - 2 * 2 - 1) // 3 + 1 = 3; width: (8 - 3) // 2 + 1 = 3; 3 x 3 taps of 2 channels.
    model = graph([node], [1, 2, "time", 8], {"w": (5, 2, 3, 3)})
    assert multiply_accumulates(*model) == {**NONE, "dense": 3 * 3 * 5 * 3 * 3 * 2}


def test_matrix_products():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["product"]),
        helper.make_node("Reshape", ["product", "shape"], ["rows"]),
        helper.make_node("Gemm", ["rows", "v"], ["y"], transB=1),
    ]
    constants = {"w": (4, 6), "shape": np.array([-1, 3], np.int64), "v": (7, 3)}
    model = graph(nodes, [2, "time", 4], constants)
    rows = 2 * 11 * 6 // 3
    assert multiply_accumulates(*model) == {**NONE, "matrices": 2 * 11 * 6 * 4 + rows * 7 * 3}


@pytest.mark.parametrize(("cell", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
def test_a_recurrent_layer(cell, gates):
    """Each gate of each direction: a product with the inputs and one with the state."""
    weights = ["x", "w", "r"]
    node = helper.make_node(cell, weights, ["y"], hidden_size=5, direction="bidirectional")
    shapes = {"w": (2, gates * 5, 3), "r": (2, gates * 5, 5)}
    model = graph([node], ["time", 2, 3], shapes)
    assert multiply_accumulates(*model) == {
        **NONE,
        "recurrent": 11 * 2 * 2 * gates * (5 * 3 + 5 * 5),
    }


def test_products_in_a_loop_are_not_overlooked():
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["state", "w"], ["state_out"]),
            helper.make_node("Identity", ["frame"], ["out"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("state", TensorProto.FLOAT, [1, 3]),
            helper.make_tensor_value_info("frame", TensorProto.FLOAT, [3]),
        ],
        [
            helper.make_tensor_value_info("state_out", TensorProto.FLOAT, [1, 3]),
            helper.make_tensor_value_info("out", TensorProto.FLOAT, [3]),
        ],
    )
    node = helper.make_node("Scan", ["s", "x"], ["end", "y"], body=body, num_scan_inputs=1)
    model, inputs = graph([node], ["time", 3], {"s": (1, 3), "w": (3, 3)})
    with pytest.raises(ValueError, match="MatMul in a loop"):
        multiply_accumulates(model, inputs)
    assert operations_of_graph(model) == Counter(["Scan", "MatMul"])


def test_a_network_by_its_layers():
    """The small QuartzNet: of each layer its frames, taps and channels."""
    model = TrainedModel.of(small_experiment("quartznet"))
    features = np.zeros((1, 20, 16), np.float32)
    inputs = {"features": features, "num_frames": np.array([20], np.int32)}
    found = multiply_accumulates(network_alone(model), inputs)
    classes, frames = model.classes, 10
    # Pointwise kernels: 16 -> 24; twice 24 -> 24 and one for the residual; 24 -> 24; a plain one;
    # and the head.
    dense = 16 * 24 + 2 * 24 * 24 + 24 * 24 + 24 * 24 + 24 * 24 + 24 * classes
    depthwise = 33 * 16 + 2 * 39 * 24 + 29 * 24
    assert found == {**NONE, "dense": frames * dense, "depthwise": frames * depthwise}


def test_a_second_of_audio():
    """Ten seconds of the whole model are ten times a second of it, and more than the network's."""
    model = TrainedModel.of(small_experiment("deep speech 2, both"))
    written = onnx_model(model)
    found = products_of_a_second(written, RATE, seconds=3)
    assert found.recurrent == pytest.approx(products_of_a_second(written, RATE, 6).recurrent, 0.02)
    assert found.matrices > 0
    assert found.total == sum(found)


def test_exporting_saves_operations():
    model = TrainedModel.of(small_experiment("quartznet"))
    before = operations_of_model(model.network)
    after = operations_of_graph(network_alone(model))
    assert after.total() < before.total() / 2
    assert sum(by_kind(before).values()) == before.total()
    # Four separable blocks, one of them of two, the residual, a plain layer and the head.
    assert by_kind(after)["convolutions"] == 4 + 4 + 1 + 1 + 1
    assert by_kind(after)["recurrent layers, loops"] == 0
