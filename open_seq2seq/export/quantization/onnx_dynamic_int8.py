"""ONNX whose recurrent and dense layers measure the ranges of their inputs while they run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx

from open_seq2seq.export.formats.onnx import onnx_model
from open_seq2seq.export.formats.onnx_stream import onnx_stream
from open_seq2seq.export.quantization.calibration import Calibration
from open_seq2seq.export.quantization.onnx_layers import (
    layers_of,
    nodes_of,
    read_by,
    weights_of,
)
from open_seq2seq.export.quantization.onnx_stored import store_int8
from open_seq2seq.export.quantization.search import quantise
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.exported.stream import StreamGraph
from open_seq2seq.inference.exported_stream import ExportedStream, streamed

# Products of 8 bits overflow, unnoticed, on processors without VNNI (AVX2, older AVX-512): there
# the model would be another one. What one bit less costs is hardly to be measured.
WEIGHTS_OF_7_BITS = True
_DYNAMIC = ("LSTM", "MatMul")
# Seconds of a stream that are computed at once, where its loss is measured.
_PIECE = 0.32
_OTHER_RECURRENT = ("GRU", "RNN", "Scan")


def write(model: TrainedModel, path: Path, calibration: Calibration) -> list[str]:
    """Writes weights of LSTMs and dense layers as s8 per channel; convolutions stay in float32.

    It takes one recording at a time.

    Args:
      model: what is written.
      path: the file.
      calibration: recordings to measure the loss on.

    Returns:
      What is left in float32, in words.
    """
    graph = onnx_model(model, masks=False)
    return _written(graph, path, lambda: calibration.divergence(path, "onnxruntime"))


def write_stream(
    model: TrainedModel, path: Path, calibration: Calibration
) -> tuple[StreamGraph, list[str]]:
    """The same of the graph of streams, which takes any number of them; how it is used, too."""
    graph, described = onnx_stream(model)

    def divergence() -> float:
        rate = model.extractor.options.sample_freq
        network = ExportedStream(path, "onnxruntime", described, model.classes, rate)
        rows = max(round(_PIECE * rate / described.row_samples), 1)
        return calibration.divergence_of(lambda samples: streamed(network, [samples], rows)[0])

    return described, _written(graph, path, divergence)


def _written(graph: onnx.ModelProto, path: Path, divergence: Callable[[], float]) -> list[str]:
    """Writes a graph with as many layers in int8 as lose little; what is left, in words."""
    layers = [layer for layer in layers_of(graph) if layer.name in nodes_of(graph, _DYNAMIC)]

    def write_but(left: Collection[str]) -> None:
        with TemporaryDirectory() as folder:
            chosen = [layer.name for layer in layers if layer.name not in left]
            onnx.save(quantise_dynamically(graph, chosen, Path(folder)), str(path))

    left = quantise(path.name, layers, write_but, divergence)
    return ["the front-end", "convolutions", *left]


def quantise_recurrent(
    graph: onnx.ModelProto, nodes: Sequence[str], folder: Path
) -> onnx.ModelProto:
    """Recurrent layers with weights in int8.

    ONNX Runtime computes LSTMs with whole numbers; of others only the storing is in int8.

    Args:
      graph: may be changed.
      nodes: names of its nodes.
      folder: for files on the way.
    """
    others = [one for one in nodes_of(graph, _OTHER_RECURRENT) if one in nodes]
    users = {name for node in graph.graph.node if node.name in others for name in read_by(node)}
    store_int8(graph, [one for name, one in weights_of(graph).items() if name in users])
    lstms = [one for one in nodes_of(graph, ("LSTM",)) if one in nodes]
    return quantise_dynamically(graph, lstms, folder) if lstms else graph


def quantise_dynamically(
    graph: onnx.ModelProto, nodes: Sequence[str], folder: Path
) -> onnx.ModelProto:
    """LSTM and MatMul nodes with weights in int8, and their inputs rounded while they run."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    source, path = folder / "float.onnx", folder / "dynamic.onnx"
    onnx.save(graph, str(source))
    quantize_dynamic(
        str(source),
        str(path),
        op_types_to_quantize=list(_DYNAMIC),
        nodes_to_quantize=list(nodes),
        per_channel=True,
        reduce_range=WEIGHTS_OF_7_BITS,
        weight_type=QuantType.QInt8,
    )
    return onnx.load(str(path))


def problem(model: TrainedModel) -> str | None:
    """Why a model's layers are better not quantised so; None: it is worth it."""
    if nodes_of(onnx_model(model, masks=False), ("LSTM",)):
        return None
    return (
        "ONNX Runtime has fast kernels of it for LSTMs only; convolutions take 1.7 to 10 times as "
        "long as in float32"
    )
