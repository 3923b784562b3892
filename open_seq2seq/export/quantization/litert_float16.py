"""LiteRT with weights stored as float16."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from open_seq2seq.export.formats.litert import write_litert
from open_seq2seq.export.quantization.calibration import Calibration
from open_seq2seq.export.quantization.litert_file import LiteRTFile, Product
from open_seq2seq.export.trained_model import TrainedModel


def write(model: TrainedModel, path: Path, calibration: Calibration) -> list[str]:
    """Writes the network's weights as float16, and what turns them into float32 beside each.

    The runtime does so when it loads the model, which is then as fast and large as in float32;
    processors of phones may compute in float16.

    Args:
      model: what is written.
      path: the file.
      calibration: not used.
    """
    write_litert(model, path)
    file = LiteRTFile(path.read_bytes())
    for product in file.products():
        _store(file, product)
    path.write_bytes(file.content())
    return ["the front-end"]


def _store(file: LiteRTFile, product: Product) -> None:
    values = file.values(product.tensor).astype(np.float16)
    if not np.isfinite(values).all():
        return
    graph = product.subgraph
    stored = schema.TensorT()
    stored.name = product.tensor.name + b"_float16"
    stored.shape, stored.type = product.tensor.shape, schema.TensorType.FLOAT16
    stored.buffer = file.add_buffer(values)
    graph.tensors.append(stored)
    turn = schema.OperatorT()
    turn.opcodeIndex = file.operator_code(schema.BuiltinOperator.DEQUANTIZE)
    turn.inputs, turn.outputs = [len(graph.tensors) - 1], [graph.tensors.index(product.tensor)]
    graph.operators.insert(0, turn)
    product.tensor.buffer = 0  # the empty one: it is computed
