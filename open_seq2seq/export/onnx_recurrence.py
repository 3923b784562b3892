"""Recurrent layers as ONNX nodes: LSTM, GRU and RNN, and a Scan where there is no such node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from open_seq2seq.graphs.builder import Recurrence

# The gates of ONNX's nodes in its order, as numbers of ours.
_ORDERS = {"lstm": (0, 3, 1, 2), "gru": (0, 1, 2), "gru_reset_after": (0, 1, 2), "relu": (0,)}
_OPERATORS = {"lstm": "LSTM", "gru": "GRU", "gru_reset_after": "GRU", "relu": "RNN"}
_CLIP = 20.0  # of the cell "relu"
_LAYER_NORM_EPSILON = 1e-6


class Writer(Protocol):
    """What nodes are written with: an `OnnxBuilder`."""

    nodes: list[onnx.NodeProto]

    def node(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Writes a node of one output and returns its name."""

    def constant(self, array: np.ndarray, kind: str = "float") -> str:
        """A constant's name."""


def recur(
    g: Writer, inputs: str, directions: Sequence[Recurrence], lengths: str | None
) -> list[str]:
    """The outputs `[time, batch, units]` of each direction, 0 past each length.

    Args:
      g: what writes.
      inputs: `[time, batch, input]`.
      directions: of one cell and size.
      lengths: `[batch]` int64, frames of each utterance; None: all.
    """
    if directions[0].cell == "layer_norm_lstm":
        return [_scanned(g, inputs, direction, lengths) for direction in directions]
    if lengths is not None:
        return [_masked(g, inputs, direction, lengths) for direction in directions]
    if len(directions) == 2 and not directions[0].backward and directions[1].backward:
        return _node(g, inputs, directions, "bidirectional")
    outputs = []
    for direction in directions:
        name = "reverse" if direction.backward else "forward"
        outputs += _node(g, inputs, [direction], name)
    return outputs


def recur_on(
    g: Writer, inputs: str, direction: Recurrence, states: Sequence[str]
) -> tuple[str, list[str]]:
    """The outputs `[time, batch, units]` of a forward direction, and its states at the end.

    Args:
      g: what writes.
      inputs: `[time, batch, input]`.
      direction: of a cell that ONNX has a node for.
      states: `[batch, units]` each, what it begins with.
    """
    operator, names, attributes = _described(g, [direction], "forward")
    first = g.constant(np.array([0]), "whole")
    given = [g.node("Unsqueeze", [one, first]) for one in states]
    name = f"{inputs}_{operator.lower()}"
    outputs = [f"{name}_{one}" for one in ("outputs", "hidden", "memory")[: 1 + len(states)]]
    node = helper.make_node(
        operator, [inputs, *names, "", *given], outputs, name=name, **attributes
    )
    g.nodes.append(node)
    axis = g.constant(np.array([1]), "whole")
    return g.node("Squeeze", [outputs[0], axis]), [
        g.node("Squeeze", [one, first]) for one in outputs[1:]
    ]


def _masked(g: Writer, inputs: str, direction: Recurrence, lengths: str) -> str:
    """One direction over utterances of different lengths.

    Not by the nodes' own `sequence_lens`: OpenVINO 2026.4 computes with the padding, silently.
    """
    axes = {"time_axis": 0, "batch_axis": 1}
    if direction.backward:
        inputs = g.node("ReverseSequence", [inputs, lengths], **axes)
    (outputs,) = _node(g, inputs, [direction], "forward")
    if direction.backward:
        outputs = g.node("ReverseSequence", [outputs, lengths], **axes)
    zero, one = (g.constant(np.array(number), "whole") for number in (0, 1))
    frames = g.node("Gather", [g.node("Shape", [inputs]), zero])
    numbers = g.node("Range", [zero, frames, one])
    column = g.node("Unsqueeze", [numbers, g.constant(np.array([1]), "whole")])
    inside = g.node("Less", [column, lengths])
    inside = g.node("Unsqueeze", [inside, g.constant(np.array([2]), "whole")])
    return g.node("Mul", [outputs, g.node("Cast", [inside], to=TensorProto.FLOAT)])


def _node(g: Writer, inputs: str, directions: Sequence[Recurrence], name: str) -> list[str]:
    operator, names, attributes = _described(g, directions, name)
    outputs = g.node(operator, [inputs, *names], **attributes)  # [time, direction, batch, units]
    places = [g.constant(np.array(number), "whole") for number in range(len(directions))]
    return [g.node("Gather", [outputs, place], axis=1) for place in places]


def _described(
    g: Writer, directions: Sequence[Recurrence], name: str
) -> tuple[str, list[str], dict[str, Any]]:
    """The operator of a node, its weights and its attributes."""
    cell, units = directions[0].cell, directions[0].units
    kernels = np.stack([_gates(one.kernel, one).T for one in directions])
    recurrent = np.stack([_gates(one.weights["recurrent_kernel"], one).T for one in directions])
    biases = np.stack([_biases(one) for one in directions])
    attributes: dict[str, Any] = {"hidden_size": units, "direction": name}
    if cell in ("gru", "gru_reset_after"):
        attributes["linear_before_reset"] = int(cell == "gru_reset_after")
    if cell == "relu":  # the clipping is of what goes into the activation
        attributes |= {"activations": ["Relu"] * len(directions), "clip": _CLIP}
    return _OPERATORS[cell], [g.constant(one) for one in (kernels, recurrent, biases)], attributes


def _gates(matrix: np.ndarray, direction: Recurrence) -> np.ndarray:
    """The columns (or numbers) of each gate in ONNX's order."""
    units = direction.units
    order = _ORDERS[direction.cell]
    return np.concatenate(
        [matrix[..., gate * units : (gate + 1) * units] for gate in order], axis=-1
    )


def _biases(direction: Recurrence) -> np.ndarray:
    """That of the inputs' product, then that of the state's."""
    own = direction.weights.get("recurrent_bias", np.zeros_like(direction.bias))
    return np.concatenate([_gates(direction.bias, direction), _gates(own, direction)])


def _scanned(g: Writer, inputs: str, direction: Recurrence, lengths: str | None) -> str:
    """The LSTM with layer normalization, a step at a time; see `ops.recurrent_cells`."""
    units, weights = direction.units, direction.weights
    matrix, bias = g.constant(direction.kernel), g.constant(direction.bias)
    projected = g.node("Add", [g.node("MatMul", [inputs, matrix]), bias])
    batch = g.node("Gather", [g.node("Shape", [inputs]), g.constant(np.array([1]), "whole")])
    shape = g.node("Concat", [batch, g.constant(np.array([units]), "whole")], axis=0)
    zero = numpy_helper.from_array(np.zeros(1, np.float32))
    start = g.node("ConstantOfShape", [shape], value=zero)
    time = g.node("Gather", [g.node("Shape", [inputs]), g.constant(np.array(0), "whole")])
    limits = [g.constant(np.array(number), "whole") for number in (0, 1)]
    numbers = g.node("Range", [limits[0], time, limits[1]])
    ends = g.node("Expand", [time, batch]) if lengths is None else lengths
    names = {
        "kernel": g.constant(weights["recurrent_kernel"]),
        "gamma": g.constant(weights["gate_gamma"]),
        "beta": g.constant(weights["gate_beta"]),
        "state_gamma": g.constant(weights["state_gamma"]),
        "state_beta": g.constant(weights["state_beta"]),
    }
    body = _Step(f"{projected}_step", names, units).graph()
    outputs = [f"{projected}_{one}" for one in ("hidden", "memory", "ends", "outputs")]
    g.nodes.append(
        helper.make_node(
            "Scan",
            # The lengths are a state too, that stays what it is: see `formats.openvino`.
            [start, start, ends, projected, numbers],
            outputs,
            name=f"{projected}_scan",
            body=body,
            num_scan_inputs=2,
            scan_input_directions=[int(direction.backward)] * 2,
            scan_output_directions=[int(direction.backward)],
        )
    )
    return outputs[-1]


class _Step:
    """The body of the scan: a frame `[batch, 4 units]` and the state to the next state."""

    def __init__(self, prefix: str, outside: dict[str, str], units: int):
        self.prefix, self.outside, self.units = prefix, outside, units
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def graph(self) -> onnx.GraphProto:
        frame, number = self._own("frame"), self._own("number")
        hidden, memory = self._own("hidden"), self._own("memory")
        product = self._node("MatMul", hidden, self.outside["kernel"])
        gates = self._node(
            "Reshape", self._node("Add", frame, product), self._whole(-1, 4, self.units)
        )
        gates = self._normalised(gates, self.outside["gamma"], self.outside["beta"])
        parts = [
            self._node("Gather", gates, self._constant(np.array(gate)), axis=1) for gate in range(4)
        ]
        input_gate, forget_gate, candidate, output_gate = parts
        kept = self._node("Mul", self._node("Sigmoid", forget_gate), memory)
        new = self._node("Mul", self._node("Sigmoid", input_gate), self._node("Tanh", candidate))
        after = self._node("Add", kept, new)
        after = self._normalised(after, self.outside["state_gamma"], self.outside["state_beta"])
        output = self._node("Mul", self._node("Sigmoid", output_gate), self._node("Tanh", after))
        ends = self._own("ends")
        inside = self._node("Less", number, ends)
        inside = self._node("Unsqueeze", inside, self._whole(1))
        zero = self._constant(np.zeros((), np.float32))
        results = {
            "hidden_out": self._node("Where", inside, output, hidden),
            "memory_out": self._node("Where", inside, after, memory),
            "ends_out": ends,
            "output": self._node("Where", inside, output, zero),
        }
        for name, value in results.items():
            self.nodes.append(helper.make_node("Identity", [value], [self._own(name)]))
        state = [None, self.units]
        inputs = [self._float("hidden", state), self._float("memory", state)]
        inputs += [self._int64("ends", [None]), self._float("frame", [None, 4 * self.units])]
        inputs.append(self._int64("number", []))
        outputs = [self._float("hidden_out", state), self._float("memory_out", state)]
        outputs += [self._int64("ends_out", [None]), self._float("output", state)]
        return helper.make_graph(self.nodes, self.prefix, inputs, outputs, self.constants)

    def _float(self, name: str, shape: Sequence[int | None]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(self._own(name), TensorProto.FLOAT, shape)

    def _int64(self, name: str, shape: Sequence[int | None]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(self._own(name), TensorProto.INT64, shape)

    def _normalised(self, values: str, gamma: str, beta: str) -> str:
        mean = self._node("ReduceMean", values, self._whole(-1), keepdims=1)
        centred = self._node("Sub", values, mean)
        square = self._node("Mul", centred, centred)
        variance = self._node("ReduceMean", square, self._whole(-1), keepdims=1)
        epsilon = self._constant(np.array(_LAYER_NORM_EPSILON, np.float32))
        deviation = self._node("Sqrt", self._node("Add", variance, epsilon))
        scaled = self._node("Mul", self._node("Div", centred, deviation), gamma)
        return self._node("Add", scaled, beta)

    def _own(self, name: str) -> str:
        return f"{self.prefix}_{name}"

    def _node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        name = self._own(f"{operator.lower()}_{len(self.nodes)}")
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def _constant(self, array: np.ndarray) -> str:
        name = self._own(f"constant_{len(self.constants)}")
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def _whole(self, *numbers: int) -> str:
        return self._constant(np.array(numbers, np.int64))
