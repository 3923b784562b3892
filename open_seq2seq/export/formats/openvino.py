"""OpenVINO's IR: an XML file and its weights, made of the ONNX graph."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from open_seq2seq.export.formats.onnx import write_onnx
from open_seq2seq.export.formats.onnx_stream import write_onnx_stream
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.exported.stream import StreamGraph
from open_seq2seq.inference.runtimes.openvino import openvino_package


def openvino_graph(model: TrainedModel, masks: bool = True) -> Any:
    """The graph in float32, see `onnx_model`. Names of its operations are not those of another."""
    with TemporaryDirectory() as folder:
        source = Path(folder) / "model.onnx"
        write_onnx(model, source, masks)
        return openvino_package().convert_model(str(source))


def openvino_stream(model: TrainedModel) -> tuple[Any, StreamGraph]:
    """The graph of streams, see `onnx_stream`, and how it is used."""
    with TemporaryDirectory() as folder:
        source = Path(folder) / "stream.onnx"
        graph = write_onnx_stream(model, source)
        return openvino_package().convert_model(str(source)), graph


def write_openvino(graph: Any, path: Path) -> None:
    """Writes `path` (.xml) and the weights beside it (.bin), in the numbers that they are in."""
    openvino_package().save_model(graph, str(path), compress_to_fp16=False)
