import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from open_seq2seq.errors import InputError
from open_seq2seq.interop.kaldi import Evaluator
from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.scoring.gna.openvino_network import network_of
from tests.scoring import openvino_models as models


def test_an_affine_layer_and_its_bias_are_one(tmp_path):
    ov.save_model(models.frames_model(8), tmp_path / "m.xml")  # weights as float16
    network, _ = network_of(ov.Core().read_model(tmp_path / "m.xml"), "m.xml")
    assert [type(one.layer) for one in network.nodes] == [L.Affine, L.Activation]
    assert network.inputs[0].name == "Parameter" and network.outputs[0].name == "sigmoid:0"
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    found = Evaluator(network)({"Parameter": x})["sigmoid:0"]
    assert np.abs(found - models.frames_by_hand(x)).max() < 1e-3


def test_shifts_scales_and_shapes():
    random = np.random.default_rng(1)
    shift, scale = random.normal(size=(2, 1, 4)).astype(np.float32)
    x = models.named(ops.parameter([1, 4], np.float32), "x")
    y = ops.divide(ops.subtract(ops.add(x, ops.constant(shift)), ops.constant(np.float32(0.5))),
                   ops.constant(scale))  # fmt: skip
    y = ops.reshape(y, ops.constant(np.array([1, 1, 4])), False)
    y = ops.reshape(ops.relu(y), ops.constant(np.array([1, 4])), False)
    y = ops.softmax(ops.concat([ops.multiply(y, ops.constant(np.float32(3))), y], 1), 1)
    graph = ov.Model([ops.result(models.named(y, "y:0"))], [x], "g")
    network, _ = network_of(graph, "g.xml")
    frames = random.normal(size=(6, 4)).astype(np.float32)
    compiled = ov.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    expected = np.concatenate([compiled(frame[None])[0] for frame in frames])
    assert np.abs(Evaluator(network)({"x": frames})["y:0"] - expected).max() < 1e-5


def test_what_is_no_layer_is_named():
    with pytest.raises(
        InputError, match=r"ReadValue \(a memory of frames.*Give the Kaldi|Give the Kaldi"
    ):
        network_of(models.splice_model(), "m.xml")
    with pytest.raises(InputError, match="ReduceMean"):
        network_of(models.fixed_rows_model(4), "m.xml")
