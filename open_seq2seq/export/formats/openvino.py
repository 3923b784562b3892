"""OpenVINO's IR: an XML file and its weights, made of the ONNX graph."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from open_seq2seq.export.formats.onnx import write_onnx
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.inference.runtimes.openvino import openvino_package


def write_openvino(model: TrainedModel, path: Path) -> None:
    """Writes `path` (.xml) and the weights beside it (.bin), in float32."""
    openvino = openvino_package()
    with TemporaryDirectory() as folder:
        source = Path(folder) / "model.onnx"
        write_onnx(model, source)
        openvino.save_model(openvino.convert_model(str(source)), str(path), compress_to_fp16=False)
