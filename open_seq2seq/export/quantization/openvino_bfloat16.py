"""OpenVINO computing in bfloat16, on processors that have it."""

from __future__ import annotations

from pathlib import Path

from open_seq2seq.export.formats.openvino import openvino_graph, write_openvino
from open_seq2seq.export.quantization.calibration import Calibration
from open_seq2seq.export.quantization.openvino_float16 import store_float16
from open_seq2seq.export.quantization.openvino_layers import layers_of
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.inference.runtimes.openvino import PRECISION, has_bfloat16


def write(model: TrainedModel, path: Path, calibration: Calibration) -> list[str]:
    """Writes `path` (.xml), which asks for bfloat16, and the weights beside it (.bin).

    The weights are float16, of which bfloat16 has the first bits.

    Args:
      model: what is written.
      path: the file.
      calibration: not used.
    """
    graph = openvino_graph(model)
    store_float16(graph)
    graph.set_rt_info("bf16", list(PRECISION))
    write_openvino(graph, path)
    return []


def problem(model: TrainedModel) -> str | None:
    """Why it is not written of a model, or here, where it is run to be compared."""
    if not has_bfloat16():
        return "this processor has no bfloat16, so nothing can be compared"
    if any(layer.kind == "depthwise" for layer in layers_of(openvino_graph(model, masks=False))):
        return (
            "with depthwise convolutions it is slower than float32, and with several threads "
            "OpenVINO 2026.4 comes to no end at some lengths"
        )
    return None
