"""ONNX with whole numbers from layer to layer: ranges of values are measured beforehand."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx

from open_seq2seq.export.formats.onnx import onnx_model
from open_seq2seq.export.quantization.calibration import Calibration, inputs_of
from open_seq2seq.export.quantization.onnx_dynamic_int8 import WEIGHTS_OF_7_BITS, quantise_recurrent
from open_seq2seq.export.quantization.onnx_layers import RECURRENT, layers_of, nodes_of
from open_seq2seq.export.quantization.search import quantise
from open_seq2seq.export.trained_model import TrainedModel

# Layers, and what between them would turn values into float32 and back.
_OPERATORS = ("Conv", "MatMul", "Relu", "Add", "Concat")


def write(model: TrainedModel, path: Path, calibration: Calibration) -> list[str]:
    """Writes activations as u8 and weights as s8 per channel, with QuantizeLinear nodes (QDQ).

    It takes one recording at a time: masks would cost a seventh of the time. Recurrent layers
    measure their ranges while they run, since ONNX has no other quantised form of them.

    Args:
      model: what is written.
      path: the file.
      calibration: recordings.

    Returns:
      What is left in float32, in words.
    """
    graph = onnx_model(model, masks=False)
    layers = layers_of(graph)
    # Rounded logits are what costs most; this layer is small, and as fast in float32.
    last = [layer.name for layer in layers if layer.kind != "recurrent"][-1]
    with TemporaryDirectory() as folder:
        source = prepared(graph, Path(folder))

        def write_but(left: Collection[str]) -> None:
            quantised = Path(folder) / "static.onnx"
            _quantise(source, quantised, calibration.recordings, {*left, last})
            whole = onnx.load(str(quantised))
            recurrent = [one for one in nodes_of(whole, RECURRENT) if one not in left]
            onnx.save(quantise_recurrent(whole, recurrent, Path(folder)), str(path))

        others = [layer for layer in layers if layer.name != last]
        left = quantise(
            path.name, others, write_but, lambda: calibration.divergence(path, "onnxruntime")
        )
        return ["the front-end", "the last layer", *left]


def prepared(graph: onnx.ModelProto, folder: Path) -> Path:
    """A file with the shapes that ONNX Runtime's quantisation asks for."""
    from onnxruntime.quantization import quant_pre_process

    source, path = folder / "plain.onnx", folder / "prepared.onnx"
    onnx.save(graph, str(source))
    # Its optimisations would take the names from nodes; the graph is folded already.
    quant_pre_process(str(source), str(path), skip_optimization=True, skip_symbolic_shape=True)
    return path


def _quantise(
    source: Path, path: Path, recordings: Sequence[np.ndarray], left: Collection[str]
) -> None:
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    graph = onnx.load(str(source))
    weights = {one.name for one in graph.graph.initializer}
    biased = {
        node.name
        for node in graph.graph.node
        if node.op_type == "Add" and any(name in weights for name in node.input)
    }
    kept = {*left, *biased}
    quantize_static(
        str(source),
        str(path),
        _Recordings(recordings),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=list(_OPERATORS),
        nodes_to_quantize=[one for one in nodes_of(graph, _OPERATORS) if one not in kept],
        per_channel=True,
        reduce_range=WEIGHTS_OF_7_BITS,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )


class _Recordings:
    """A `CalibrationDataReader`: what a model is run on to see its ranges."""

    def __init__(self, recordings: Sequence[np.ndarray]):
        self._left: Iterator[np.ndarray] = iter(recordings)

    def get_next(self) -> dict[str, Any] | None:
        samples = next(self._left, None)
        return None if samples is None else inputs_of(samples)
