"""The layers of an ONNX graph's network."""

from __future__ import annotations

from collections.abc import Iterator

import onnx

from open_seq2seq.export.quantization.layers import Kind, Layer
from open_seq2seq.export.trained_model import NETWORK

RECURRENT = ("LSTM", "GRU", "RNN", "Scan")


def layers_of(model: onnx.ModelProto) -> list[Layer]:
    """The network's operations with weights, by their nodes' names; none of the front-end."""
    weights = {one.name for one in model.graph.initializer}
    return list(_layers(model.graph, weights))


def _layers(graph: onnx.GraphProto, weights: set[str]) -> Iterator[Layer]:
    for node in graph.node:
        kind = _kind(node, weights)
        if kind is not None and node.name.startswith(f"{NETWORK}/"):
            yield Layer(node.name, kind)


def _kind(node: onnx.NodeProto, weights: set[str]) -> Kind | None:
    if node.op_type == "Conv":
        groups = [one.i for one in node.attribute if one.name == "group"]
        return "depthwise" if groups and groups[0] > 1 else "convolution"
    if node.op_type in RECURRENT:
        return "recurrent"
    has_weights = node.op_type == "MatMul" and node.input[1] in weights
    return "convolution" if has_weights else None


def nodes_of(model: onnx.ModelProto, operators: tuple[str, ...]) -> list[str]:
    """The names of the network's nodes of some operators."""
    return [
        node.name
        for node in model.graph.node
        if node.op_type in operators and node.name.startswith(f"{NETWORK}/")
    ]


def weights_of(model: onnx.ModelProto) -> dict[str, onnx.TensorProto]:
    """The matrices and kernels that only the network uses, by name; no biases."""
    users: dict[str, set[str]] = {}
    for node in model.graph.node:
        for name in read_by(node):
            users.setdefault(name, set()).add(node.name)
    return {
        one.name: one
        for one in model.graph.initializer
        if one.data_type == onnx.TensorProto.FLOAT
        and len(one.dims) > 1
        and all(user.startswith(f"{NETWORK}/") for user in users.get(one.name, ()))
    }


def read_by(node: onnx.NodeProto) -> Iterator[str]:
    """A node's inputs, and what the body of a loop takes from outside."""
    yield from node.input
    for attribute in node.attribute:
        for inner in attribute.g.node:
            yield from read_by(inner)
