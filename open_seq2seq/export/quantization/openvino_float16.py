"""OpenVINO with weights stored as float16."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from open_seq2seq.export.formats.openvino import openvino_graph, write_openvino
from open_seq2seq.export.quantization.calibration import Calibration
from open_seq2seq.export.quantization.openvino_layers import loops_of, operations_of
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.inference.runtimes.openvino import openvino_package


def write(model: TrainedModel, path: Path, calibration: Calibration) -> list[str]:
    """Writes `path` (.xml) and the weights beside it (.bin); all is computed in float32.

    Not by OpenVINO's own compression, which takes the front-end too.

    Args:
      model: what is written.
      path: the file.
      calibration: not used.
    """
    graph = openvino_graph(model)
    store_float16(graph)
    write_openvino(graph, path)
    return ["the front-end"]


def store_float16(graph: Any) -> None:
    """Puts float16 and a conversion in the place of the network's weights."""
    operators = openvino_package().opset13
    for body in loops_of(graph):
        store_float16(body)
    for operation in operations_of(graph):
        for place in range(operation.get_input_size()):
            weights = operation.input_value(place).get_node()
            if weights.get_type_name() != "Constant" or len(weights.get_output_shape(0)) < 2:
                continue
            values = weights.data.astype(np.float16)
            if weights.get_output_element_type(0).to_string() != "f32" or np.isinf(values).any():
                continue
            stored = operators.convert(operators.constant(values), "f32")
            operation.input(place).replace_source_output(stored.output(0))
