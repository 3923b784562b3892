"""LSTMs of OpenVINO graphs in whole numbers, which NNCF leaves in float32 with rounded weights.

OpenVINO's plugin for processors computes an LSTM in int8 if its input, its first hidden state and
its weights are rounded. It has one scale for input and hidden state and one for both matrices; more
are taken without a word, and wrong ones for some gates (2026.4: 100 times the divergence). Both
directions of one node would take their weights from what is no constant, and stay in float32.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from open_seq2seq.export.quantization.calibration import inputs_of
from open_seq2seq.inference.runtimes.openvino import openvino_package

_KIND = "LSTMSequence"
# As in ONNX, see WEIGHTS_OF_7_BITS there.
_LARGEST_WEIGHT = 63
_LEVELS, _LARGEST_VALUE = 256, 127
_INPUT, _LENGTHS, _KERNEL, _RECURRENT, _BIAS = 0, 3, 4, 5, 6
_DIRECTIONS = {
    "forward": ("FORWARD",),
    "reverse": ("REVERSE",),
    "bidirectional": ("FORWARD", "REVERSE"),
}


class Range(NamedTuple):
    """The largest magnitudes of an LSTM's input and of its hidden states."""

    inputs: float
    hidden: float


def lstms_of(graph: Any) -> dict[str, Any]:
    """The LSTMs of a graph by their names."""
    nodes = [one for one in graph.get_ordered_ops() if one.get_type_name() == _KIND]
    return {one.get_friendly_name(): one for one in nodes}


def ranges_of(graph: Any, recordings: Sequence[np.ndarray]) -> dict[str, Range]:
    """What the LSTMs of a graph in float32 see and give on recordings `[n]`."""
    package = openvino_package()
    shown = graph.clone()
    lstms = lstms_of(shown)
    if not lstms:
        return {}
    first = len(shown.outputs)
    ends = [end for one in lstms.values() for end in (one.input_value(_INPUT), one.output(0))]
    shown.add_results([package.opset13.result(end) for end in ends])
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    request = package.Core().compile_model(shown, "CPU", hint).create_infer_request()
    largest = np.zeros(len(ends))
    for samples in recordings:
        given = inputs_of(samples)
        found = request.infer({one: given[one] for one in _inputs(shown)})
        here = [np.abs(found[first + place]).max() for place in range(len(ends))]
        largest = np.maximum(largest, here)
    smallest = float(np.finfo(np.float32).tiny)
    pairs = np.maximum(largest, smallest).reshape(-1, 2)
    return {name: Range(*map(float, pair)) for name, pair in zip(lstms, pairs)}


def _inputs(graph: Any) -> list[str]:
    return [one.any_name for one in graph.inputs]


def quantise_lstms(graph: Any, ranges: dict[str, Range], left: Collection[str]) -> None:
    """Puts LSTMs in whole numbers in place of those of a graph.

    Args:
      graph: is changed.
      ranges: of its LSTMs.
      left: names of those that stay as they are.
    """
    for name, node in lstms_of(graph).items():
        if name not in left:
            _replace(node, ranges[name])
    graph.validate_nodes_and_infer_types()


def _replace(node: Any, values: Range) -> None:
    ops = openvino_package().opset13
    kernel, recurrent, bias = (
        np.array(node.input_value(port).get_node().get_data())
        for port in (_KERNEL, _RECURRENT, _BIAS)
    )
    units = recurrent.shape[2]
    # One scale for both: the input is brought to the range of the hidden state.
    factor = values.hidden / values.inputs
    kernel = kernel / factor
    inputs = node.input_value(_INPUT)
    rounded = _rounded(ops.multiply(inputs, np.float32(factor)), values.hidden)
    # A constant would be folded with its rounding, and the layer computed in float32.
    peak = ops.reduce_max(inputs, np.array([1, 2]), keep_dims=True)
    zeros = ops.multiply(peak, ops.constant(np.zeros((1, 1, units), np.float32)))
    hidden, memory = _rounded(zeros, values.hidden), zeros
    outputs = []
    for number, direction in enumerate(_DIRECTIONS[node.get_direction()]):
        own = slice(number, number + 1)
        scale = max(np.abs(kernel[own]).max(), np.abs(recurrent[own]).max()) / _LARGEST_WEIGHT
        layer = ops.lstm_sequence(
            rounded,
            hidden,
            memory,
            node.input_value(_LENGTHS),
            _stored(kernel[own], scale),
            _stored(recurrent[own], scale),
            ops.constant(bias[own]),
            units,
            direction,
        )
        outputs.append(layer.output(0))
    joined = outputs[0] if len(outputs) == 1 else ops.concat(outputs, 1).output(0)
    node.output(0).replace(joined)


def _rounded(value: Any, largest: float) -> Any:
    """Values as whole numbers of 8 bits; 0 is one of them."""
    low = np.float32(-largest * (_LARGEST_VALUE + 1) / _LARGEST_VALUE)
    high = np.float32(largest)
    return openvino_package().opset13.fake_quantize(value, low, high, low, high, _LEVELS)


def _stored(weights: np.ndarray, scale: float) -> Any:
    """Weights in int8, as OpenVINO stores them."""
    ops = openvino_package().opset13
    whole = ops.constant(np.round(weights / scale).astype(np.int8))
    scales = ops.constant(np.full((1, weights.shape[1], 1), scale, np.float32))
    return ops.multiply(ops.convert(whole, np.float32), scales)
