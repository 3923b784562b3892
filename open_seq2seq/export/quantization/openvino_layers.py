"""The layers of an OpenVINO graph's network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from open_seq2seq.export.quantization.layers import Kind, Layer
from open_seq2seq.export.trained_model import FRONT_END

_KINDS: dict[str, Kind] = {
    "Convolution": "convolution",
    "GroupConvolution": "depthwise",
    "MatMul": "convolution",
    "LSTMSequence": "recurrent",
    "GRUSequence": "recurrent",
    "RNNSequence": "recurrent",
}


def operations_of(graph: Any) -> list[Any]:
    """The network's operations with weights, in the order of the graph; not the front-end's."""
    return [
        one
        for one in graph.get_ordered_ops()
        if one.get_type_name() in _KINDS and not one.get_friendly_name().startswith(f"{FRONT_END}/")
    ]


def loops_of(graph: Any) -> Iterator[Any]:
    """The bodies of recurrent layers that are loops: LSTMs with layer normalization."""
    for one in graph.get_ordered_ops():
        if one.get_type_name() == "TensorIterator":
            yield one.get_function()


def layers_of(graph: Any) -> list[Layer]:
    """The same by their names."""
    return [
        Layer(one.get_friendly_name(), _KINDS[one.get_type_name()]) for one in operations_of(graph)
    ]
