"""LSTMs of OpenVINO in whole numbers."""

import numpy as np
import pytest

from open_seq2seq.export.quantization import openvino_static_int8
from open_seq2seq.export.quantization.openvino_recurrent import lstms_of
from open_seq2seq.export.quantization.search import LIMIT
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.inference.runtimes.openvino import openvino_package
from tests.export.quantization.models import calibration_of
from tests.export.small_models import small_experiment, speech


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    model = TrainedModel.of(small_experiment("deep speech 2, both"))
    path, calibration = tmp_path_factory.mktemp("int8") / "model.xml", calibration_of(model)
    return path, openvino_static_int8.write(model, path, calibration), calibration


def test_they_are_computed_in_whole_numbers(written):
    """As the runtime says itself: an LSTM that it cannot take so it computes in float32."""
    path, left, _ = written
    assert left == ["the front-end"]
    core = openvino_package().Core()
    compiled = core.compile_model(core.read_model(str(path)), "CPU", {"PERF_COUNT": True})
    request, samples = compiled.create_infer_request(), speech(2, seed=3)
    request.infer({"samples": samples[None]})
    kinds = [
        one.exec_type for one in request.get_profiling_info() if one.node_type == "LSTMSequence"
    ]
    assert len(kinds) >= 2
    assert all(one.endswith("I8") for one in kinds), kinds


def test_little_is_lost(written):
    path, _, calibration = written
    assert calibration.divergence(path, "openvino") < LIMIT


def test_weights_share_a_scale_and_take_a_byte(written):
    """Two scales would be taken without a word, and wrong for some gates."""
    graph = openvino_package().Core().read_model(str(written[0]))
    for one in lstms_of(graph).values():
        scales = []
        for port in (4, 5):
            product = one.input_value(port).get_node()
            whole = product.input_value(0).get_node().input_value(0).get_node()
            assert whole.get_output_element_type(0).to_string() == "i8"
            assert 60 < np.abs(whole.get_data()).max() <= 63 or port == 4 or scales
            scales.append(np.unique(product.input_value(1).get_node().get_data()))
        assert len(scales[0]) == 1 and scales[0] == scales[1]
