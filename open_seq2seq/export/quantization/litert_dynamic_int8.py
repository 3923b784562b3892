"""LiteRT with weights in int8, whose layers measure the ranges of their inputs while they run."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from open_seq2seq.export.formats.litert import write_litert
from open_seq2seq.export.quantization.calibration import Calibration
from open_seq2seq.export.quantization.layers import Kind, Layer
from open_seq2seq.export.quantization.litert_file import LiteRTFile, Product
from open_seq2seq.export.quantization.search import quantise
from open_seq2seq.export.trained_model import TrainedModel

_LARGEST = 127


def write(model: TrainedModel, path: Path, calibration: Calibration) -> list[str]:
    """Writes the network's weights as int8, with a scale for each output channel.

    TensorFlow's converter would round the front-end's transform too.

    Args:
      model: what is written.
      path: the file.
      calibration: recordings to measure the loss on.

    Returns:
      What is left in float32, in words.
    """
    # Kernels of whole numbers are as fast with many taps.
    write_litert(model, path, depthwise_taps=None)
    content = path.read_bytes()
    layers = [Layer(one.name, _kind(one)) for one in LiteRTFile(content).products()]

    def write_but(left: Collection[str]) -> None:
        file = LiteRTFile(content)
        for product in file.products():
            if product.name not in left:
                _quantise(file, product)
        path.write_bytes(file.content())

    left = quantise(path.name, layers, write_but, lambda: calibration.divergence(path, "litert"))
    return ["the front-end", *left]


def _kind(product: Product) -> Kind:
    if product.is_in_loop:
        return "recurrent"
    return "depthwise" if product.is_depthwise else "convolution"


def _quantise(file: LiteRTFile, product: Product) -> None:
    values = file.values(product.tensor)
    axes = tuple(axis for axis in range(values.ndim) if axis != product.channel_axis)
    scale = np.abs(values).max(axis=axes, keepdims=True) / np.float32(_LARGEST)
    scale = np.maximum(scale, np.finfo(np.float32).tiny)
    tensor = product.tensor
    tensor.type = schema.TensorType.INT8
    tensor.buffer = file.add_buffer(np.rint(values / scale).astype(np.int8))
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = scale.reshape(-1)
    tensor.quantization.zeroPoint = np.zeros(scale.size, np.int64)
    tensor.quantization.quantizedDimension = product.channel_axis
