"""ONNX with weights stored as float16."""

from __future__ import annotations

from pathlib import Path

import onnx

from open_seq2seq.export.formats.onnx import onnx_model
from open_seq2seq.export.quantization.calibration import Calibration
from open_seq2seq.export.quantization.onnx_layers import weights_of
from open_seq2seq.export.quantization.onnx_stored import store_float16
from open_seq2seq.export.trained_model import TrainedModel


def write(model: TrainedModel, path: Path, calibration: Calibration) -> list[str]:
    """Writes the network's weights in half the size; all is computed in float32.

    Processors have no fast float16, and the front-end would lose the quiet half of its range.

    Args:
      model: what is written.
      path: the file.
      calibration: not used.
    """
    graph = onnx_model(model)
    store_float16(graph, weights_of(graph).values())
    onnx.checker.check_model(graph, full_check=True)
    onnx.save(graph, str(path))
    return ["the front-end"]
