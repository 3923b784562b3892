"""LSTMs with layer normalization are loops in OpenVINO: what lower precision makes of them."""

import numpy as np
import pytest

from open_seq2seq.export.quantization import openvino_float16, openvino_static_int8
from open_seq2seq.export.quantization.openvino_layers import loops_of
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.inference.runtimes.loaded_model import LoadedModel
from open_seq2seq.inference.runtimes.openvino import openvino_package
from tests.export.quantization.models import calibration_of
from tests.export.small_models import small_experiment, speech


@pytest.fixture(scope="module")
def model():
    return TrainedModel.of(small_experiment("deep speech 2, layer normalization"))


def weights_in_loops(path):
    """The element types of the matrices that loops multiply with."""
    found = []
    for body in loops_of(openvino_package().Core().read_model(str(path))):
        for node in body.get_ordered_ops():
            if node.get_type_name() == "Constant" and list(node.get_output_shape(0)) == [48, 12]:
                found.append(node.get_output_element_type(0).to_string())
    return found


def test_float16_is_inside_the_loops_too(model, tmp_path):
    path = tmp_path / "model.xml"
    left = openvino_float16.write(model, path, calibration_of(model))
    assert left == ["the front-end"]
    assert weights_in_loops(path) == ["f16"] * 4  # two layers of two directions
    samples = speech(2, seed=3)
    found = LoadedModel(path, "openvino", 1).log_probs(samples)
    np.testing.assert_allclose(found, model.log_probs(samples), atol=0.01)


def test_loops_stay_in_float32_where_the_rest_is_int8_and_it_is_said(model, tmp_path):
    path = tmp_path / "model.xml"
    left = openvino_static_int8.write(model, path, calibration_of(model))
    assert left[:2] == ["the front-end", "layer-normalised LSTMs"]
    assert weights_in_loops(path) == ["f32"] * 4
