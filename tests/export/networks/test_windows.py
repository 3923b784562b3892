"""How many frames the convolutions of an encoder need."""

import numpy as np
import onnx
import pytest

from open_seq2seq.encoders import TDNNEncoder
from open_seq2seq.export.networks.network import build_encoder
from open_seq2seq.export.networks.windows import WINDOWS, fewest_frames
from open_seq2seq.export.onnx_builder import OnnxBuilder
from tests.export.networks.test_encoders import layer, scrambled, valid

ENCODERS = {
    "valid": [valid(layer("conv1d", 2, 4, 8)), valid(layer("sep_conv1d", 1, 3, 8, stride=2)),
              valid(layer("conv1d", 1, 5, 8))],
    "padded little": [{**layer("conv1d", 1, 9, 8, stride=3), "padding": [1, 2]},
                      valid(layer("conv1d", 2, 3, 8))],
    "same": [layer("conv1d", 2, 11, 8, stride=2)],
}  # fmt: skip


@pytest.mark.parametrize("name", ENCODERS)
def test_so_many_have_an_output_and_fewer_none(name):
    encoder = scrambled(ENCODERS[name])
    fewest = fewest_frames(WINDOWS[TDNNEncoder](encoder))
    assert encoder.output_length(fewest) == 1
    assert fewest == 1 or encoder.output_length(fewest - 1) == 0


@pytest.mark.parametrize("name", ENCODERS)
def test_recordings_are_padded_once(name):
    """Each copy of a wide layer's input costs; features are narrow."""
    encoder = scrambled(ENCODERS[name])
    g = OnnxBuilder()
    features = g.input("features", np.float32, (1, "time", 6))
    outputs = build_encoder(g, encoder, features, None).values
    graph = g.model([("outputs", outputs, np.float32, (1, "frames", 8))]).graph
    assert isinstance(graph, onnx.GraphProto)
    pads = [node.input[0] for node in graph.node if node.op_type == "Pad"]
    assert pads == ([] if name == "same" else ["features"])
