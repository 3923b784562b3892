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
        inside = None if lengths is None else _inside(g, inputs, lengths)
        return [_scanned(g, inputs, direction, inside, None)[0] for direction in directions]
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
    g: Writer, inputs: str, direction: Recurrence, states: Sequence[str], inside: str | None
) -> tuple[str, list[str]]:
    """The outputs `[time, batch, units]` of a forward direction, and its states at the end.

    Args:
      g: what writes.
      inputs: `[time, batch, input]`.
      direction: the layer.
      states: `[batch, units]` each, what it begins with.
      inside: `[time, batch, 1]`, 0.0 where they stay what they are; None: nowhere. Not of cells
        that ONNX has a node for.
    """
    if direction.cell == "layer_norm_lstm":
        return _scanned(g, inputs, direction, inside, states)
    assert inside is None
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
    return g.node("Mul", [outputs, _inside(g, inputs, lengths)])


def _inside(g: Writer, inputs: str, lengths: str) -> str:
    """1.0 up to each length, else 0.0: `[time, batch, 1]`."""
    zero, one = (g.constant(np.array(number), "whole") for number in (0, 1))
    frames = g.node("Gather", [g.node("Shape", [inputs]), zero])
    numbers = g.node("Range", [zero, frames, one])
    column = g.node("Unsqueeze", [numbers, g.constant(np.array([1]), "whole")])
    inside = g.node("Less", [column, lengths])
    inside = g.node("Unsqueeze", [inside, g.constant(np.array([2]), "whole")])
    return g.node("Cast", [inside], to=TensorProto.FLOAT)


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


def _scanned(
    g: Writer,
    inputs: str,
    direction: Recurrence,
    inside: str | None,
    states: Sequence[str] | None,
) -> tuple[str, list[str]]:
    """The LSTM with layer normalization, a step at a time; see `ops.recurrent_cells`.

    Args:
      inside: `[time, batch, 1]`, 0.0 where the state stays what it is and the output is 0; None:
        nowhere.
      states: what it begins with; None: zeros.

    Returns:
      The outputs `[time, batch, units]`, and the states at the end.
    """
    units, weights = direction.units, direction.weights
    matrix, bias = g.constant(direction.kernel), g.constant(direction.bias)
    projected = g.node("Add", [g.node("MatMul", [inputs, matrix]), bias])
    if states is None:
        states = [_zeros(g, inputs, units)] * 2
    names = {
        "kernel": g.constant(weights["recurrent_kernel"]),
        "gamma": g.constant(weights["gate_gamma"]),
        "beta": g.constant(weights["gate_beta"]),
        "state_gamma": g.constant(weights["state_gamma"]),
        "state_beta": g.constant(weights["state_beta"]),
    }
    frames = [projected] if inside is None else [projected, inside]
    body = _Step(f"{projected}_step", names, units, inside is not None).graph()
    outputs = [f"{projected}_{one}" for one in ("hidden", "memory", "outputs")]
    backward = int(direction.backward)
    g.nodes.append(
        helper.make_node(
            "Scan",
            [*states, *frames],
            outputs,
            name=f"{projected}_scan",
            body=body,
            num_scan_inputs=len(frames),
            scan_input_directions=[backward] * len(frames),
            scan_output_directions=[backward],
        )
    )
    return outputs[-1], outputs[:-1]


def _zeros(g: Writer, inputs: str, units: int) -> str:
    """`[batch, units]` for inputs `[time, batch, input]`."""
    batch = g.node("Gather", [g.node("Shape", [inputs]), g.constant(np.array([1]), "whole")])
    shape = g.node("Concat", [batch, g.constant(np.array([units]), "whole")], axis=0)
    zero = numpy_helper.from_array(np.zeros(1, np.float32))
    return g.node("ConstantOfShape", [shape], value=zero)


class _Step:
    """The body of the scan: a frame `[batch, 4 units]` and the state to the next state."""

    def __init__(self, prefix: str, outside: dict[str, str], units: int, has_mask: bool):
        self.prefix, self.outside, self.units = prefix, outside, units
        self.has_mask = has_mask
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def graph(self) -> onnx.GraphProto:
        frame, hidden, memory = (self._own(one) for one in ("frame", "hidden", "memory"))
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
        results = {"hidden_out": output, "memory_out": after, "output": output}
        if self.has_mask:
            half = self._constant(np.array(0.5, np.float32))
            inside = self._node("Less", half, self._own("inside"))
            zero = self._constant(np.zeros((), np.float32))
            others = {"hidden_out": hidden, "memory_out": memory, "output": zero}
            results = {
                name: self._node("Where", inside, value, others[name])
                for name, value in results.items()
            }
        for name, value in results.items():
            self.nodes.append(helper.make_node("Identity", [value], [self._own(name)]))
        state = [None, self.units]
        inputs = [self._float("hidden", state), self._float("memory", state)]
        inputs.append(self._float("frame", [None, 4 * self.units]))
        if self.has_mask:
            inputs.append(self._float("inside", [None, 1]))
        outputs = [self._float(name, state) for name in results]
        return helper.make_graph(self.nodes, self.prefix, inputs, outputs, self.constants)

    def _float(self, name: str, shape: Sequence[int | None]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(self._own(name), TensorProto.FLOAT, shape)

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
