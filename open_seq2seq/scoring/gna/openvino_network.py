"""Graphs of OpenVINO as Kaldi's layers: feed-forward networks of frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.network import Input, Network, Node, Output

_ACTIVATIONS = {
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Relu": "relu",
    "Exp": "exp",
    "Abs": "absolute",
}
# What only says how numbers lie, where a row is a frame.
_SHAPES = {"Reshape", "Squeeze", "Unsqueeze", "Convert", "Result", "Identity"}
# Outputs of operations, and a layer with its inputs and width.
Sources: TypeAlias = list[tuple[str, int]]
Read: TypeAlias = tuple[L.Layer, tuple[str, ...], int]
_REMEDY = "Give the Kaldi model itself, or use -d CPU."


def network_of(model: Any, path: str) -> tuple[Network, list[str]]:
    """The layers of a graph, and sentences for the user.

    Args:
      model: what OpenVINO's `read_model` gave.
      path: of it, for messages.

    Raises:
      InputError: it has operations that are no layers of frames; all of them are listed.
    """
    return _Reader(model, path).read()


class _Reader:
    def __init__(self, model: Any, path: str):
        self.model, self.path = model, path
        self.nodes: list[Node] = []
        self.inputs: list[Input] = []
        # By output of an operation: the constant that it is, or the node's name and its width.
        self.constants: dict[tuple[str, int], np.ndarray] = {}
        self.values: dict[tuple[str, int], tuple[str, int]] = {}
        self.problems: list[Problem] = []

    def read(self) -> tuple[Network, list[str]]:
        outputs = []
        for operation in self.model.get_ordered_ops():
            kind = operation.get_type_name()
            if kind == "Result":
                outputs.append(self._output(operation))
                continue
            try:
                self._read(operation, kind)
            except _Unlike as error:
                where = f"{self.path}: {operation.friendly_name}"
                self.problems.append(
                    Problem(where, f"{kind} ({error})", "a layer of frames", kind=kind)
                )
        if self.problems:
            # What follows from one that is unknown is not said again.
            told = [one for one in self.problems if "unknown input" not in one.found]
            summary = f"GNA's arithmetic has no such operations. {_REMEDY}"
            raise InputError(summary, told or self.problems)
        network = Network(
            "nnet1", tuple(self.inputs), tuple(self.nodes), tuple(filter(None, outputs))
        )
        return network, [f"{self.path}: {len(self.nodes)} layers."]

    def _read(self, operation: Any, kind: str) -> None:
        key = (operation.friendly_name, 0)
        if kind == "Parameter":
            self._add_input(operation)
            return
        if kind == "Constant":
            self.constants[key] = np.asarray(operation.get_data())
            return
        if kind in ("ReadValue", "Assign"):
            raise _Unlike("a memory of frames, which converters made of the model's layers")
        sources = [self._key(one) for one in operation.input_values()]
        unknown = [one for one in sources if one not in self.constants and one not in self.values]
        if unknown:
            raise _Unlike("of an unknown input")
        if sources and all(one in self.constants for one in sources):
            self.constants[key] = self._folded(operation, kind, sources)
            return
        if kind in _SHAPES:
            self.values[key] = self.values[sources[0]]
            return
        reader = self._readers().get(kind)
        if reader is None:
            raise _Unlike("which is none of its layers")
        layer, names, dim = reader(operation, sources)
        self.nodes.append(Node(operation.friendly_name, layer, names, dim))
        self.values[key] = (operation.friendly_name, dim)

    def _readers(self) -> dict[str, Callable[[Any, Sources], Read]]:
        readers: dict[str, Any] = dict.fromkeys(_ACTIVATIONS, self._activation)
        readers |= dict.fromkeys(("Add", "Subtract", "Multiply", "Divide"), self._arithmetic)
        readers |= {"MatMul": self._product, "Softmax": self._softmax, "SoftMax": self._softmax,
                    "LogSoftmax": self._softmax, "Concat": self._concatenation}  # fmt: skip
        return readers

    @staticmethod
    def _key(port: Any) -> tuple[str, int]:
        return port.get_node().friendly_name, port.get_index()

    def _add_input(self, operation: Any) -> None:
        shape = operation.get_output_partial_shape(0)
        if shape.rank.is_dynamic or shape[len(shape) - 1].is_dynamic:
            raise _Unlike("whose number of features is free")
        dim = shape[len(shape) - 1].get_length()
        names = operation.output(0).names
        name = str(operation.output(0).any_name) if names else operation.friendly_name
        self.inputs.append(Input(name, dim))
        self.values[(operation.friendly_name, 0)] = (name, dim)

    def _output(self, operation: Any) -> Output | None:
        source = operation.input_value(0)
        value = self.values.get(self._key(source))
        if value is None:
            return None
        names = sorted(source.names)
        name = next((one for one in names if ":" in one), names[0] if names else "")
        return Output(name or source.get_node().friendly_name, value[0], value[1])

    def _folded(self, operation: Any, kind: str, sources: Sources) -> np.ndarray:
        arrays = [self.constants[one] for one in sources]
        if kind == "Convert":
            return arrays[0].astype(np.float32)
        if kind in ("Reshape", "Squeeze", "Unsqueeze"):
            return arrays[0].reshape(list(operation.get_output_shape(0)))
        if kind == "Transpose":
            return arrays[0].transpose(arrays[1])
        functions = {
            "Multiply": np.multiply,
            "Add": np.add,
            "Subtract": np.subtract,
            "Divide": np.divide,
        }
        if kind not in functions:
            raise _Unlike("of constants")
        return functions[kind](*arrays)

    def _activation(self, operation: Any, sources: Sources) -> Read:
        name, dim = self.values[sources[0]]
        return L.Activation(_ACTIVATIONS[operation.get_type_name()]), (name,), dim  # type: ignore[arg-type]

    def _softmax(self, operation: Any, sources: Sources) -> Read:
        name, dim = self.values[sources[0]]
        return L.Softmax(operation.get_type_name() == "LogSoftmax"), (name,), dim

    def _concatenation(self, operation: Any, sources: Sources) -> Read:
        if any(one in self.constants for one in sources):
            raise _Unlike("with a constant")
        parts = [self.values[one] for one in sources]
        return L.Concatenate(), tuple(name for name, _ in parts), sum(dim for _, dim in parts)

    def _product(self, operation: Any, sources: Sources) -> Read:
        if sources[0] in self.constants or sources[1] not in self.constants:
            raise _Unlike("whose second factor is no constant")
        name, _ = self.values[sources[0]]
        weight = self.constants[sources[1]].astype(np.float32)
        if not operation.get_attributes()["transpose_b"]:
            weight = weight.T
        if weight.ndim != 2:
            raise _Unlike("of more than a matrix")
        return L.Affine(np.ascontiguousarray(weight)), (name,), len(weight)

    def _arithmetic(self, operation: Any, sources: Sources) -> Read:
        kind = operation.get_type_name()
        values = [one for one in sources if one in self.values]
        if len(values) == 2:
            if kind != "Add":
                raise _Unlike("of two layers")
            (first, dim), (second, _) = (self.values[one] for one in values)
            return L.Sum(), (first, second), dim
        name, dim = self.values[values[0]]
        constant = next(self.constants[one] for one in sources if one in self.constants)
        if constant.size not in (1, dim):
            raise _Unlike(f"with {constant.size} numbers for {dim} features")
        row = np.broadcast_to(constant.astype(np.float32).reshape(-1), (dim,)).copy()
        if kind in ("Subtract", "Divide") and sources[0] in self.constants:
            if kind == "Divide":
                raise _Unlike("of a constant by a layer")
            return L.Diagonal(-np.ones(dim, np.float32), row), (name,), dim
        if kind == "Multiply" or kind == "Divide":
            return L.Diagonal(row if kind == "Multiply" else 1 / row, None), (name,), dim
        row = row if kind == "Add" else -row
        previous = next((one for one in self.nodes if one.name == name), None)
        if previous is not None and self._may_join(previous, operation):
            # A bias that the converter made an operation of its own.
            self.nodes.remove(previous)
            layer = previous.layer
            if isinstance(layer, L.Affine):
                return L.Affine(layer.weight, row), previous.inputs, dim
            assert isinstance(layer, L.Diagonal), layer
            return L.Diagonal(layer.scale, row), previous.inputs, dim
        return L.Diagonal(None, row), (name,), dim

    def _may_join(self, previous: Node, operation: Any) -> bool:
        """Whether a sum with a constant is the bias of the node before, read by nothing else."""
        layer = previous.layer
        if not (
            (isinstance(layer, L.Affine) and layer.bias is None)
            or (isinstance(layer, L.Diagonal) and layer.offset is None)
        ):
            return False
        for source in operation.input_values():
            if source.get_node().friendly_name == previous.name:
                return len(source.get_target_inputs()) == 1
        return False


class _Unlike(Exception):
    """An operation that no layer is like."""
