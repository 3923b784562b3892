"""OpenVINO's models of whole numbers, by NNCF."""

import subprocess
import sys

from open_seq2seq.export.quantization import openvino_static_int8
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.inference.runtimes.openvino import openvino_package
from tests.export.quantization.models import calibration_of
from tests.export.small_models import small_experiment

SILENT = """
import sys
from open_seq2seq.inference.runtimes.openvino import without_telemetry
without_telemetry("nncf")
assert sys.modules["nncf"].quantize
assert not [one for one in sys.modules if one.startswith("openvino_telemetry")]
"""


def test_nobody_is_told():
    """NNCF keeps quiet under pytest; so in a process of its own."""
    done = subprocess.run([sys.executable, "-c", SILENT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_nothing_is_rounded_by_the_frame(tmp_path, capfd):
    """Ranges are of a tensor or of its channels: a time axis is as long as a recording."""
    model = TrainedModel.of(small_experiment("quartznet"))
    path = tmp_path / "model.xml"
    openvino_static_int8.write(model, path, calibration_of(model))
    assert "Statistics" not in capfd.readouterr().out  # a progress bar
    graph = openvino_package().Core().read_model(str(path))
    rounded = [one for one in graph.get_ordered_ops() if one.get_type_name() == "FakeQuantize"]
    assert len(rounded) > 5
    for one in rounded:
        sizes = [size for size in one.input_value(1).get_shape() if size > 1]
        assert len(sizes) <= 1 and max(sizes, default=1) <= 29  # the widest layer has 29 outputs
