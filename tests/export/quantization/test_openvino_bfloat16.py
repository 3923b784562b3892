"""Models that ask OpenVINO for bfloat16, and get it where the processor has it."""

import numpy as np
import pytest

from open_seq2seq.export.quantization import openvino_bfloat16, openvino_float16
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.inference.runtimes import LoadedModel, openvino
from tests.export.quantization.models import calibration_of
from tests.export.small_models import small_experiment, speech

pytestmark = pytest.mark.slow  # minutes: each way is written and run at many lengths


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """The files of float16 and bfloat16, of the same numbers."""
    folder = tmp_path_factory.mktemp("openvino")
    model = TrainedModel.of(small_experiment("jasper"))
    for module in (openvino_float16, openvino_bfloat16):
        module.write(model, folder / f"{module.__name__.split('_')[-1]}.xml", calibration_of(model))
    return folder / "float16.xml", folder / "bfloat16.xml"


def test_it_is_computed_in_bfloat16_where_there_is_any(paths):
    samples = speech(2)
    found, other = (LoadedModel(path, "openvino").log_probs(samples) for path in paths)
    apart = np.abs(found - other).max()
    assert 1e-3 < apart < 1 if openvino.has_bfloat16() else apart < 1e-5


def test_elsewhere_it_is_computed_in_float32(paths, monkeypatch):
    monkeypatch.setattr(openvino, "has_bfloat16", lambda: False)
    samples = speech(2)
    found, other = (LoadedModel(path, "openvino").log_probs(samples) for path in paths)
    np.testing.assert_allclose(found, other, atol=1e-5)
