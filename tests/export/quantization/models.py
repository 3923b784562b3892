"""Trained models, and what of a written one is the front-end's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from open_seq2seq.export.quantization.calibration import Calibration
from open_seq2seq.export.quantization.litert_file import LiteRTFile
from open_seq2seq.export.quantization.onnx_layers import read_by
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.inference.runtimes.openvino import openvino_package
from tests.export.small_models import speech

# Smaller ones are numbers such as a factor or a place.
_LEAST = 500


def calibration_of(model: TrainedModel) -> Calibration:
    """Noise like speech, of several lengths."""
    return Calibration(model, tuple(speech(seconds, seed) for seed, seconds in
                                    enumerate((0.5, 3.3, 1.0, 2.1))))  # fmt: skip


def front_end_constants(path: Path) -> list[np.ndarray]:
    """The arrays of float32 that the front-end computes with, the largest first."""
    found = _READERS[path.suffix](path)
    assert found, "no constants of the front-end"
    return sorted(found, key=lambda one: (-one.size, float(np.abs(one).sum())))


def _of_onnx(path: Path) -> list[np.ndarray]:
    graph = onnx.load(str(path)).graph
    used = {name for node in graph.node if node.name.startswith("front_end/")
            for name in read_by(node)}  # fmt: skip
    arrays = [numpy_helper.to_array(one) for one in graph.initializer if one.name in used]
    return [one for one in arrays if one.dtype == np.float32 and one.size > _LEAST]


def _of_litert(path: Path) -> list[np.ndarray]:
    file = LiteRTFile(path.read_bytes())
    tensors = [
        one
        for one in file.model.subgraphs[0].tensors
        if one.name.decode().startswith("front_end/") and file._data(one) is not None
    ]
    return [file.values(one) for one in tensors if one.type == 0 and np.prod(one.shape) > _LEAST]


def _of_openvino(path: Path) -> list[np.ndarray]:
    graph = openvino_package().Core().read_model(str(path))
    found = []
    for node in graph.get_ordered_ops():
        if node.get_friendly_name().startswith("front_end/"):
            for place in range(node.get_input_size()):
                source = node.input_value(place).get_node()
                is_float = source.get_output_element_type(0).to_string() == "f32"
                if source.get_type_name() == "Constant" and is_float and source.data.size > _LEAST:
                    found.append(np.array(source.data))
    return found


_READERS = {".onnx": _of_onnx, ".tflite": _of_litert, ".xml": _of_openvino}
